package dynamodb

type timeToLive struct {
	AttributeName *string
	Enabled       *bool
}

type updateTimeToLiveInput struct {
	TableName               *string
	TimeToLiveSpecification *timeToLive
}

type updateTimeToLiveOutput struct {
	TimeToLiveSpecification *timeToLive
}

// updateTimeToLive keeps the setting; nothing is ever deleted by it.
func (s *scope) updateTimeToLive(in *updateTimeToLiveInput) (*updateTimeToLiveOutput, error) {
	spec := in.TimeToLiveSpecification
	if err := required("timeToLiveSpecification", spec != nil); err != nil {
		return nil, err
	}
	if err := firstError(required("timeToLiveSpecification.attributeName", spec.AttributeName != nil), required("timeToLiveSpecification.enabled", spec.Enabled != nil)); err != nil {
		return nil, err
	}
	if n := len(*spec.AttributeName); n < 1 || n > 255 {
		return nil, validationf("1 validation error detected: Value '%s' at 'timeToLiveSpecification.attributeName' failed to satisfy constraint: Member must have length between 1 and 255", *spec.AttributeName)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.tableNamed(in.TableName)
	if err != nil {
		return nil, err
	}
	switch current := t.settings.ttlAttribute; {
	case *spec.Enabled && current != "":
		return nil, validationf("TimeToLive is already enabled")
	case *spec.Enabled:
		t.settings.ttlAttribute = *spec.AttributeName
	case current == "":
		return nil, validationf("TimeToLive is already disabled")
	case current != *spec.AttributeName:
		return nil, validationf("TimeToLive is active on a different AttributeName: current AttributeName is %s", current)
	default:
		t.settings.ttlAttribute = ""
	}
	return &updateTimeToLiveOutput{spec}, nil
}

type timeToLiveDescription struct {
	TimeToLiveStatus string
	AttributeName    string `json:",omitempty"`
}

type describeTimeToLiveOutput struct {
	TimeToLiveDescription timeToLiveDescription
}

func (s *scope) describeTimeToLive(in *tableInput) (*describeTimeToLiveOutput, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, err := s.tableNamed(in.TableName)
	if err != nil {
		return nil, err
	}
	d := timeToLiveDescription{"DISABLED", t.settings.ttlAttribute}
	if d.AttributeName != "" {
		d.TimeToLiveStatus = "ENABLED"
	}
	return &describeTimeToLiveOutput{d}, nil
}

type recoverySpecification struct {
	PointInTimeRecoveryEnabled *bool
	RecoveryPeriodInDays       *int
}

type updateContinuousBackupsInput struct {
	TableName                        *string
	PointInTimeRecoverySpecification *recoverySpecification
}

type recoveryDescription struct {
	PointInTimeRecoveryStatus  string
	RecoveryPeriodInDays       int     `json:",omitempty"`
	EarliestRestorableDateTime float64 `json:",omitempty"`
	LatestRestorableDateTime   float64 `json:",omitempty"`
}

type backupsDescription struct {
	ContinuousBackupsStatus        string
	PointInTimeRecoveryDescription recoveryDescription
}

type continuousBackupsOutput struct {
	ContinuousBackupsDescription backupsDescription
}

// updateContinuousBackups keeps the setting; there are no backups.
func (s *scope) updateContinuousBackups(in *updateContinuousBackupsInput) (*continuousBackupsOutput, error) {
	spec := in.PointInTimeRecoverySpecification
	if err := required("pointInTimeRecoverySpecification", spec != nil); err != nil {
		return nil, err
	}
	if err := required("pointInTimeRecoverySpecification.pointInTimeRecoveryEnabled", spec.PointInTimeRecoveryEnabled != nil); err != nil {
		return nil, err
	}
	if days := spec.RecoveryPeriodInDays; days != nil && (*days < 1 || *days > 35) {
		return nil, validationf("1 validation error detected: Value '%d' at 'pointInTimeRecoverySpecification.recoveryPeriodInDays' failed to satisfy constraint: Member must have value between 1 and 35", *days)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.backupsTable(in.TableName)
	if err != nil {
		return nil, err
	}
	t.settings.recovery = *spec.PointInTimeRecoveryEnabled
	t.settings.recoveryDays = 35
	if spec.RecoveryPeriodInDays != nil {
		t.settings.recoveryDays = *spec.RecoveryPeriodInDays
	}
	return s.describeBackups(t), nil
}

func (s *scope) describeContinuousBackups(in *tableInput) (*continuousBackupsOutput, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, err := s.backupsTable(in.TableName)
	if err != nil {
		return nil, err
	}
	return s.describeBackups(t), nil
}

// backupsTable finds a table; the backup operations have an error of their own.
func (s *scope) backupsTable(name *string) (*table, error) {
	if err := checkTableName(name); err != nil {
		return nil, err
	}
	if t, ok := s.tables[*name]; ok {
		return t, nil
	}
	return nil, errorf(codeBackupsNotFound, "Table not found: %s", *name)
}

func (s *scope) describeBackups(t *table) *continuousBackupsOutput {
	d := recoveryDescription{PointInTimeRecoveryStatus: "DISABLED"}
	if t.settings.recovery {
		d = recoveryDescription{"ENABLED", t.settings.recoveryDays, seconds(t.created), seconds(s.now())}
	}
	return &continuousBackupsOutput{backupsDescription{"ENABLED", d}}
}

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
	switch current := t.ttlAttribute; {
	case *spec.Enabled && current != "":
		return nil, validationf("TimeToLive is already enabled")
	case *spec.Enabled:
		t.ttlAttribute = *spec.AttributeName
	case current == "":
		return nil, validationf("TimeToLive is already disabled")
	case current != *spec.AttributeName:
		return nil, validationf("TimeToLive is active on a different AttributeName: current AttributeName is %s", current)
	default:
		t.ttlAttribute = ""
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
	d := timeToLiveDescription{"DISABLED", t.ttlAttribute}
	if d.AttributeName != "" {
		d.TimeToLiveStatus = "ENABLED"
	}
	return &describeTimeToLiveOutput{d}, nil
}

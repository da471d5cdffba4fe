package boot

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/pattern"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// The environment variables of every function and of the CLI. Each function
// checks all of them, whether it uses them or not, so that one mistake shows
// everywhere at once.
const (
	// EnvTable names the DynamoDB table of the ledger.
	EnvTable = "TAGALONG_TABLE"
	// EnvEnvironments holds the environment rules, JSON, or @NAME: then they
	// are in that item of the table. Without it clusters are environments.
	EnvEnvironments = "TAGALONG_ENVIRONMENTS"
	// EnvAccounts holds the accounts beside our own, JSON or @NAME.
	EnvAccounts = "TAGALONG_ACCOUNTS"
	// EnvPromotions holds which pipelines' jobs may tag which repositories, JSON or
	// @NAME. Without it all pipelines of our own account and of those listed may tag all
	// that we were given.
	EnvPromotions = "TAGALONG_PROMOTIONS"
	// EnvLogLevel is debug, info, warn or error; info by default.
	EnvLogLevel = "TAGALONG_LOG_LEVEL"
	// EnvEventBus is the event bus that gets Tagalong's own events, by name or
	// ARN. Without it none are sent. A partner's bus takes none.
	EnvEventBus = "TAGALONG_EVENT_BUS"
	// EnvRetentionDays is how many days closed rows are kept; for ever by default.
	EnvRetentionDays = "TAGALONG_RETENTION_DAYS"
	// EnvPendingAfter is when a rollout or a tag is overdue, such as 90m; 1h by default.
	EnvPendingAfter = "TAGALONG_PENDING_AFTER"
	// EnvUntag is true if tags that nobody claims any more are to be removed; false by default.
	EnvUntag = "TAGALONG_UNTAG"
	// EnvFunctions is true if the sweep is to look at Lambda functions, too; false by default.
	EnvFunctions = "TAGALONG_FUNCTIONS"
	// EnvFindings is who is asked what was found in images, inspector or ecr; nobody by default.
	EnvFindings = "TAGALONG_FINDINGS"
	// EnvLifecycleCheck is true if the sweep asks ECR what lifecycle policies would take of what
	// is in use; false by default.
	EnvLifecycleCheck = "TAGALONG_LIFECYCLE_CHECK"
	// EnvContainerEvents is true if the ends of rollouts are sent container by container, too;
	// false by default.
	EnvContainerEvents = "TAGALONG_CONTAINER_EVENTS"
)

// Config is what the environment variables say.
type Config struct {
	Table        string
	Environments Setting[tagalong.Rules]
	Accounts     Setting[[]Account]
	Promotions   Setting[tagalong.PromotionRules]
	LogLevel     slog.Level
	EventBus     string        // "" for none
	Retention    time.Duration // 0 is for ever
	PendingAfter time.Duration
	Untag        bool
	Functions    bool
	Findings     string // FindingsInspector, FindingsECR, or "" for nobody

	LifecycleCheck  bool
	ContainerEvents bool
}

// Who may be asked what was found in images.
const (
	FindingsInspector = "inspector"
	FindingsECR       = "ecr"
)

// Stored returns the settings that the table always has, too.
func (c *Config) Stored() []Stored { return []Stored{&c.Environments, &c.Accounts} }

const (
	defaultPendingAfter = time.Hour
	maxRetentionDays    = 36500 // a hundred years still fit a time.Duration
	day                 = 24 * time.Hour
)

// ReadConfig reads the variables once. It reports all problems together, each
// with the variable, its value and what would be right. need are the variables
// that this function cannot do without.
func ReadConfig(getenv func(string) string, need ...string) (Config, error) {
	r := reader{getenv: getenv, need: need}
	c := Config{
		Table:        r.text(EnvTable, tableName.MatchString, "the name of a DynamoDB table: 3 to 255 letters, digits, dots, underscores or hyphens"),
		Environments: setting(&r, EnvEnvironments, tagalong.ParseRules),
		Accounts:     setting(&r, EnvAccounts, ParseAccounts),
		Promotions:   setting(&r, EnvPromotions, tagalong.ParsePromotionRules),
		LogLevel:     r.level(EnvLogLevel),
		EventBus:     r.text(EnvEventBus, eventBus.MatchString, "the name or the ARN of an event bus"),
		Retention:    r.days(EnvRetentionDays),
		PendingAfter: r.duration(EnvPendingAfter, defaultPendingAfter),
		Untag:        r.truth(EnvUntag),
		Functions:    r.truth(EnvFunctions),
		Findings:     r.text(EnvFindings, isFindings, "inspector or ecr"),

		LifecycleCheck:  r.truth(EnvLifecycleCheck),
		ContainerEvents: r.truth(EnvContainerEvents),
	}
	return c, errors.Join(r.problems...)
}

func isFindings(value string) bool { return value == FindingsInspector || value == FindingsECR }

var (
	tableName = pattern.Run{Min: 3, Max: 255, Of: pattern.Letters + pattern.Digits + "_.-"}
	eventBus  = pattern.New(`^(?:arn:aws(?:-[a-z]+)*:events:[a-z0-9-]+:\d{12}:event-bus/)?[A-Za-z0-9._-]{1,256}$`)
)

// reader gathers what is wrong while it reads.
type reader struct {
	getenv   func(string) string
	need     []string
	problems []error
}

func (r *reader) problem(name, value, want string) {
	r.problems = append(r.problems, fmt.Errorf("%s %q: want %s", name, value, want))
}

// get returns a variable; ok is false if it is not set, or empty.
func (r *reader) get(name, want string) (value string, ok bool) {
	value = strings.TrimSpace(r.getenv(name))
	if value == "" && slices.Contains(r.need, name) {
		r.problems = append(r.problems, fmt.Errorf("%s missing: want %s", name, want))
	}
	return value, value != ""
}

func (r *reader) text(name string, legal func(string) bool, want string) string {
	value, ok := r.get(name, want)
	if ok && !legal(value) {
		r.problem(name, value, want)
	}
	return value
}

func (r *reader) level(name string) slog.Level {
	const want = "debug, info, warn or error"
	value, ok := r.get(name, want)
	level, known := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}[strings.ToLower(value)]
	if ok && !known {
		r.problem(name, value, want)
	}
	return level // info if there is none
}

func (r *reader) days(name string) time.Duration {
	want := fmt.Sprintf("whole days from 1 to %d", maxRetentionDays)
	value, ok := r.get(name, want)
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > maxRetentionDays {
		r.problem(name, value, want)
		return 0
	}
	return time.Duration(n) * day
}

func (r *reader) duration(name string, absent time.Duration) time.Duration {
	const want = "a duration above zero, such as 1h or 90m"
	value, ok := r.get(name, want)
	if !ok {
		return absent
	}
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		r.problem(name, value, want)
	}
	return d
}

func (r *reader) truth(name string) bool {
	const want = "true or false"
	value, ok := r.get(name, want)
	if ok && value != "true" && value != "false" {
		r.problem(name, value, want)
	}
	return value == "true"
}

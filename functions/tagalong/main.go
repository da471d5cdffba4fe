// Command tagalong asks the ledger and does by hand what the functions do.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"
	"golang.org/x/term"
)

// The exit statuses that scripts rely on.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitDifferences = 3
)

// errDifferences is a check that found something.
var errDifferences = errors.New("differences found")

// cli is the command line. Its help texts are what `tagalong --help` teaches.
type cli struct {
	Output  string           `short:"o" enum:"table,json,csv" default:"table" placeholder:"FORMAT" help:"How rows are printed: table for people, json or csv with every field. Default: table."`
	Wide    bool             `help:"Tables with full digests and times, accounts, regions, deployments and task definitions."`
	Table   string           `env:"TAGALONG_TABLE" placeholder:"NAME" help:"The ledger's DynamoDB table."`
	Version kong.VersionFlag `help:"Print the version."`

	Running      runningCommand      `cmd:"" help:"What runs or ran at a time, since when, and how its digests are known."`
	History      historyCommand      `cmd:"" help:"Rollouts, newest first: completed, failed, superseded, rolled back."`
	Release      releaseCommand      `cmd:"" help:"What an execution of a pipeline was, and all that it put in place."`
	Where        whereCommand        `cmd:"" help:"Where an image runs, rolls out and ran."`
	Find         findCommand         `cmd:"" help:"What a commit, a short digest, a tag or any other name is, and where that runs and ran."`
	Releases     releasesCommand     `cmd:"" help:"Executions of pipelines that put rollouts in place, newest first."`
	InUse        inUseCommand        `cmd:"" help:"Every image in use, for scanners and for what deletes the others."`
	Match        matchCommand        `cmd:"" help:"Which findings of scanners' reports are in use, and where."`
	Exposure     exposureCommand     `cmd:"" help:"Which findings are in use, or were: where, and from when to when."`
	Gate         gateCommand         `cmd:"" help:"Whether an image may go on: it ran somewhere for long enough, does not run somewhere, or has no new finding."`
	Lifecycle    lifecycleCommand    `cmd:"" help:"What repositories' lifecycle policies would expire or archive of what is in use."`
	Diff         diffCommand         `cmd:"" help:"What two environments, or one at two times, do not run alike."`
	Tags         tagsCommand         `cmd:"" help:"The desired tags, and where ECR has them."`
	Environments environmentsCommand `cmd:"" help:"The environments, and how many services run in each."`
	Wait         waitCommand         `cmd:"" help:"Wait until a digest runs in a service, or its rollout fails."`
	Sweep        sweepCommand        `cmd:"" help:"Compare all that runs with ledger and tags, repair what differs, and print it."`
	Replay       replayCommand       `cmd:"" help:"Feed events from files through the real handlers."`
	Doctor       doctorCommand       `cmd:"" help:"Is everything in its place? Each line is ok, or says what to do."`
	Ledger       struct {
		Create createCommand `cmd:"" help:"Make the ledger's table."`
	} `cmd:"" help:"Set the ledger up."`
	Serve      serveCommand      `cmd:"" help:"The page, and the questions over HTTP, on this machine alone."`
	Sandbox    sandboxCommand    `cmd:"" help:"Try it without AWS: a release story on an embedded one."`
	Completion completionCommand `cmd:"" help:"Print the code that switches a shell's completion on."`
}

const description = `Which image digest runs where, since when, and how that is known.

Tagalong follows every ECS deployment: it keeps a ledger of what was really deployed in DynamoDB, and the environment's tag in ECR on that digest.

Credentials and region are those of the AWS CLI (AWS_PROFILE, AWS_REGION, …). Exit status: 0 done, 1 failed, 2 wrong usage, 3 a check found differences.

Start with: tagalong sandbox`

// world is what a command sees of its surroundings.
type world struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	now            func() time.Time
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], world{os.Stdin, os.Stdout, os.Stderr, os.Getenv, time.Now})
	stop()
	os.Exit(status)
}

// run is the whole command. It returns the exit status.
func run(ctx context.Context, args []string, w world) int {
	w.stdout, w.stderr = &escaper{to: w.stdout}, &escaper{to: w.stderr}
	var c cli
	exited, status := false, exitDone
	parser := c.parser(w, func(code int) { exited, status = true, code })
	// A shell that completes a line calls the command too; then no command is meant.
	c.complete(ctx, parser, w)
	if exited {
		return status
	}
	command, err := parser.Parse(worded(args))
	if exited {
		return status
	}
	if err != nil {
		return misused(parser, err, args, w)
	}
	s := c.session(ctx, w)
	return s.finish(command.Run(s))
}

// worded lets version and help be words, too, as they are of other commands.
func worded(args []string) []string {
	switch {
	case len(args) == 1 && args[0] == "version":
		return []string{"--version"}
	case len(args) > 0 && args[0] == "help":
		return append(slices.Clone(args[1:]), "--help")
	}
	return args
}

// parser reads the command line into c.
func (c *cli) parser(w world, exit func(int)) *kong.Kong {
	return kong.Must(c,
		kong.Name("tagalong"),
		kong.Description(description),
		kong.Writers(w.stdout, w.stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Exit(exit),
		kong.Vars{"version": version()},
	)
}

// session is one run of a command with the flags that all of them have.
func (c *cli) session(ctx context.Context, w world) *session {
	return &session{ctx: ctx, world: w, table: c.Table, out: output{
		w: w.stdout, format: c.Output, color: colored(w), wide: c.Wide, width: terminalWidth(w), notes: w.stderr,
	}}
}

// misused says what the parser did not understand, and where to read on. To the
// bare command it explains everything.
func misused(parser *kong.Kong, err error, args []string, w world) int {
	help := "tagalong"
	if parse, ok := errors.AsType[*kong.ParseError](err); ok {
		if len(args) == 0 {
			parser.Stdout = w.stderr
			_ = parse.Context.PrintUsage(false) // the exit status says enough
			return exitUsage
		}
		if command := parse.Context.Selected(); command != nil {
			help = command.FullPath()
		}
	}
	fmt.Fprintf(w.stderr, "tagalong: %s\nTry \"%s --help\".\n", inWords(err), help)
	return exitUsage
}

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

func (completionCommand) Help() string {
	return `Put the line for your shell into its init file:

  source <(tagalong completion bash)     # ~/.bashrc
  source <(tagalong completion zsh)      # ~/.zshrc
  tagalong completion fish | source      # ~/.config/fish/config.fish
`
}

func (c completionCommand) Run(command *kong.Context) error {
	code := kongcompletion.Completion{Shell: c.Shell, Code: true}
	return code.Run(command)
}

// finish prints what went wrong and returns the exit status.
func (s *session) finish(err error) int {
	var usage usageError
	var exited exitStatus
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errDifferences):
		fmt.Fprintf(s.stderr, "tagalong: %v\n", err)
		return exitDifferences
	case errors.As(err, &exited):
		return int(exited)
	case errors.As(err, &usage):
		fmt.Fprintf(s.stderr, "tagalong: %v\n", err)
		return exitUsage
	}
	fmt.Fprintf(s.stderr, "tagalong: %v\n", s.explain(err))
	return exitFailed
}

// usageError is wrong usage that the parser cannot see.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// colored reports whether to color: on a terminal, unless NO_COLOR says no (https://no-color.org).
func colored(w world) bool {
	_, ok := terminal(w.stdout)
	return ok && w.getenv("NO_COLOR") == "" && w.getenv("TERM") != "dumb"
}

// terminalWidth returns how wide the terminal is that is written to, 0 if it is none.
func terminalWidth(w world) int {
	file, ok := terminal(w.stdout)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0 // it does not say
	}
	return width
}

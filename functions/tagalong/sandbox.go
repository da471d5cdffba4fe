package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
)

// sandboxCommand starts the embedded AWS and tells a release story on it.
type sandboxCommand struct {
	Keep    bool   `help:"Stay up afterwards, and print the variables that point this command and the AWS CLI at it."`
	NoStory bool   `help:"With --keep: let the story happen in ECS, but handle none of its events. The ledger stays empty, for tagalong replay."`
	Quiet   bool   `short:"q" help:"With --keep: print nothing but the variables, for eval."`
	Listen  string `default:"127.0.0.1:0" placeholder:"ADDRESS" help:"Where to listen, on the loopback interface only. Default: ${default}, a free port."`

	Command []string `arg:"" optional:"" passthrough:"" help:"A command to run there after --, with the variables set: the sandbox ends with it, and with its exit status."`
}

func (sandboxCommand) Help() string {
	return `Examples:

  tagalong sandbox
  tagalong sandbox -- tagalong running prod
  tagalong sandbox -- bash
  tagalong sandbox --keep
  tagalong sandbox --keep --no-story --listen 127.0.0.1:4566

It keeps everything in memory and ends with Ctrl-C. Where it stays up, or runs a command, the story ends while its critical finding burns: the rollout of the fixed build is left out.
`
}

func (c *sandboxCommand) Run(s *session) error {
	if err := c.check(); err != nil {
		return err
	}
	stage, err := newStage(s)
	if err != nil {
		return err
	}
	if c.Quiet || len(c.Command) > 0 {
		stage.w, stage.out.w = io.Discard, io.Discard
	}
	url, stop, err := c.listen(stage.aws)
	if err != nil {
		return err
	}
	defer stop()
	if err := errors.Join(stage.connect(s.ctx, url), stage.open(s.ctx)); err != nil {
		return err
	}
	if err := c.begin(s, stage); err != nil {
		return err
	}
	switch {
	case len(c.Command) > 0:
		return s.run(c.Command, stage.environment(url))
	case c.Quiet:
		fmt.Fprint(s.stdout, stage.exports(url, ""))
	case c.Keep:
		fmt.Fprint(s.stdout, stage.variables(url))
	default:
		return nil
	}
	<-s.ctx.Done()
	return nil
}

// check refuses flags that have nothing to say together.
func (c *sandboxCommand) check() error {
	switch {
	case len(c.Command) > 0 && c.Command[0] == "--":
		c.Command = c.Command[1:]
		return c.check()
	case c.NoStory && !c.Keep && len(c.Command) == 0:
		return usagef("--no-story: want --keep or a command beside it, since there is nothing to see otherwise")
	case c.Quiet && !c.Keep && len(c.Command) == 0:
		return usagef("--quiet: want --keep or a command beside it, since there is nothing to see otherwise")
	case c.Keep && len(c.Command) > 0:
		return usagef("--keep: want it without a command, with which the sandbox ends")
	}
	return nil
}

// begin tells the story, or lets it happen untold. Where it stays up the story is told to
// where the finding burns: what the fix would change can be asked of the sandbox itself.
func (c *sandboxCommand) begin(s *session, stage *stage) error {
	if !c.NoStory {
		err := stage.tell(s.ctx)
		if err == nil {
			err = stage.find(s.ctx)
		}
		if err == nil && !c.Keep && len(c.Command) == 0 {
			err = stage.fix(s.ctx)
		}
		return err
	}
	fmt.Fprint(stage.w, "The story has happened in ECS and CodePipeline, and nobody has handled its events: the ledger is empty.\n")
	return stage.happen(s.ctx)
}

// exitStatus is that of a command that was run here.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// run runs a command with further variables, on this terminal.
func (s *session) run(command []string, variables [][2]string) error {
	run := exec.CommandContext(s.ctx, command[0], command[1:]...)
	run.Stdin, run.Stdout, run.Stderr = s.stdin, raw(s.stdout), raw(s.stderr)
	run.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "AWS_PROFILE=") || strings.HasPrefix(variable, "AWS_SESSION_TOKEN=")
	})
	for _, v := range variables {
		run.Env = append(run.Env, v[0]+"="+v[1])
	}
	err := run.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return exitStatus(exit.ExitCode())
	}
	return err
}

// listen tells an address that is wrong from one that is not to be had.
func (c *sandboxCommand) listen(aws *sandbox.Sandbox) (url string, stop func(), err error) {
	url, stop, err = aws.Listen(c.Listen)
	if err == nil {
		return url, stop, nil
	}
	err = fmt.Errorf("--listen: %w", err)
	if _, taken := errors.AsType[*net.OpError](err); !taken {
		err = usageError{err}
	}
	return "", nil, err
}

// environment is what points the SDKs, the AWS CLI and this command at the sandbox.
func (st *stage) environment(url string) [][2]string {
	return [][2]string{
		{"AWS_ENDPOINT_URL", url}, {"AWS_REGION", region}, {"AWS_DEFAULT_REGION", region},
		{"AWS_ACCESS_KEY_ID", "SANDBOX"}, {"AWS_SECRET_ACCESS_KEY", "sandbox"},
		{boot.EnvTable, sandboxTable},
	}
}

func (st *stage) variables(url string) string {
	return "\nThe sandbox stays up until you end it with Ctrl-C. In another shell:\n\n  unset AWS_PROFILE AWS_SESSION_TOKEN\n" + st.exports(url, "  ") + "\n"
}

// exports are the lines of a shell that set the variables.
func (st *stage) exports(url, indent string) string {
	var b strings.Builder
	for _, v := range st.environment(url) {
		fmt.Fprintf(&b, "%sexport %s=%s\n", indent, v[0], v[1])
	}
	return b.String()
}

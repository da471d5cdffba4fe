package main

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
)

// sandboxCommand starts the embedded AWS and tells a release story on it.
type sandboxCommand struct {
	Keep    bool   `help:"Stay up afterwards, and print the variables that point this command and the AWS CLI at it."`
	NoStory bool   `help:"With --keep: let the story happen in ECS, but handle none of its events. The ledger stays empty, for tagalong replay."`
	Listen  string `default:"127.0.0.1:0" placeholder:"ADDRESS" help:"Where to listen, on the loopback interface only. Default: ${default}, a free port."`
}

func (sandboxCommand) Help() string {
	return `Examples:

  tagalong sandbox
  tagalong sandbox --keep
  tagalong sandbox --keep --no-story --listen 127.0.0.1:4566

It keeps everything in memory and ends with Ctrl-C.
`
}

func (c *sandboxCommand) Run(s *session) error {
	if c.NoStory && !c.Keep {
		return usagef("--no-story: want --keep beside it, since there is nothing to see otherwise")
	}
	stage, err := newStage(s)
	if err != nil {
		return err
	}
	url, stop, err := c.listen(stage.aws)
	if err != nil {
		return err
	}
	defer stop()
	if err := errors.Join(stage.connect(s.ctx, url), stage.open(s.ctx)); err != nil {
		return err
	}
	if c.NoStory {
		fmt.Fprint(s.stdout, "The story has happened in ECS and CodePipeline, and nobody has handled its events: the ledger is empty.\n")
		err = stage.happen(s.ctx)
	} else {
		err = stage.tell(s.ctx)
	}
	if err != nil {
		return err
	}
	if !c.Keep {
		return nil
	}
	fmt.Fprint(s.stdout, stage.variables(url))
	<-s.ctx.Done()
	return nil
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
	var b strings.Builder
	b.WriteString("\nThe sandbox stays up until you end it with Ctrl-C. In another shell:\n\n  unset AWS_PROFILE AWS_SESSION_TOKEN\n")
	for _, v := range st.environment(url) {
		fmt.Fprintf(&b, "  export %s=%s\n", v[0], v[1])
	}
	return b.String() + "\n"
}

package tagalong

import (
	"fmt"
	"runtime/debug"
	"sync"
)

// crew runs functions side by side. A panic of one becomes one of who waits for
// them: left to its goroutine it would end the process, and nobody could answer
// for the work that is lost.
type crew struct {
	wait sync.WaitGroup
	once sync.Once
	lost *panicked
}

// panicked is a panic, and where it was.
type panicked struct {
	cause any
	stack []byte
}

// String gives the cause in the first line, and where it was in the others.
func (p *panicked) String() string { return fmt.Sprintf("%v\n%s", p.cause, p.stack) }

// Go runs f beside the caller.
func (c *crew) Go(f func()) {
	c.wait.Go(func() {
		defer func() {
			if cause := recover(); cause != nil {
				c.once.Do(func() { c.lost = &panicked{cause, debug.Stack()} })
			}
		}()
		f()
	})
}

// Wait waits for all, and panics if one has.
func (c *crew) Wait() {
	c.wait.Wait()
	if c.lost != nil {
		panic(c.lost)
	}
}

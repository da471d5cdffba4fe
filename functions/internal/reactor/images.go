package reactor

import (
	"context"
	"fmt"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// readImages reads the images of containers whose digests are new, whatever becomes of the
// rollout and whoever gets the tag. The children of their indexes are written before the
// containers are, so that a handler that dies between leaves nothing out. Where the registry
// does not answer the containers are recorded all the same, and the next event of the
// deployment, as a repeat of this one, asks again.
func (p *pass) readImages(ctx context.Context, containers []tagalong.Container) {
	if len(containers) == 0 {
		return
	}
	var err error
	p.obs.Images, p.children, err = p.showImages(ctx, containers)
	p.unread = joined(p.unread, err)
}

// showImages returns containers with what the registry shows of their images, and the
// children of their indexes. An error is of the repositories that did not answer.
func (r *Reactor) showImages(ctx context.Context, containers []tagalong.Container) (shown []tagalong.Container, children []ledger.Child, problems error) {
	wanted := map[tagalong.Repository]*want{}
	for _, c := range containers {
		wantOf(wanted, c.Image).add(c.Digest, c.ImageTag)
	}
	read := readAll(ctx, r.Registry, r.Clock(), wanted)
	for repository, reading := range read {
		if reading.err != nil {
			problems = joined(problems, fmt.Errorf("repository %s: %w", repository, reading.err))
		}
	}
	for _, c := range containers {
		c = read[c.Image].images.Describe(c)
		shown = append(shown, c)
		children = append(children, childrenOf(c.Image, read[c.Image].images.Manifests[c.Target()])...)
	}
	return shown, distinct(children), problems
}

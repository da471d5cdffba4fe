package reactor

import (
	"context"
	"fmt"
	"slices"

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
	wanted := map[tagalong.Repository]*want{}
	for _, c := range containers {
		wantOf(wanted, c.Image).add(c.Digest, c.ImageTag)
	}
	read := readAll(ctx, p.Registry, p.Clock(), wanted)
	for repository, shown := range read {
		if shown.err != nil {
			p.unread = joined(p.unread, fmt.Errorf("repository %s: %w", repository, shown.err))
		}
	}
	p.obs.Images = slices.Clone(containers)
	for i, c := range containers {
		c = read[c.Image].images.Describe(c)
		p.obs.Images[i] = c
		p.children = append(p.children, childrenOf(c.Image, read[c.Image].images.Manifests[c.Target()])...)
	}
	p.children = distinct(p.children)
}

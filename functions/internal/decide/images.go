package decide

import (
	"maps"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// newImages returns the observed containers whose images are to be read: those that no
// deployment of the service has shown before, in a repository that may be asked for.
func (d *decision) newImages() (unread []tagalong.Container) {
	if d.obs.Images != nil {
		return nil
	}
	for _, c := range d.seen.Containers {
		if c.Digest != "" && !c.Read && d.obs.Policy.Coverage.Reads(c.Image) {
			unread = append(unread, c)
		}
	}
	return unread
}

// withImages adds to containers what the registry showed of their images, now or for
// another deployment of the service.
func (d *decision) withImages(containers []tagalong.Container) []tagalong.Container {
	shown := slices.Clone(d.obs.Images)
	for _, deployment := range slices.Sorted(maps.Keys(d.know.Head.Live)) {
		shown = append(shown, d.know.Head.Live[deployment].Containers...)
	}
	for i, c := range containers {
		of := slices.IndexFunc(shown, func(s tagalong.Container) bool { return s.Read && sameImage(s, c) })
		if !c.Read && of >= 0 {
			containers[i].Index, containers[i].Commit, containers[i].KnownTag, containers[i].Read = shown[of].Index, shown[of].Commit, shown[of].KnownTag, true
		}
	}
	return containers
}

// sameImage reports whether the registry shows the same of both containers' images: what an
// image says of itself is taken only where it is proven that it ran.
func sameImage(shown, c tagalong.Container) bool {
	return shown.Image == c.Image && shown.Digest == c.Digest && shown.ImageTag == c.ImageTag && shown.IsDescribed() == c.IsDescribed()
}

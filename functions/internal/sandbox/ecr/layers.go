package ecr

import (
	"strconv"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// partSize is what InitiateLayerUpload asks clients to use.
const partSize = 20 << 20

// upload is a layer on its way.
type upload struct {
	hash digest.Digester
	size int64
}

type uploadID struct {
	UploadID string `json:"uploadId"`
}

type initiateOutput struct {
	uploadID
	PartSize int64 `json:"partSize"`
}

// initiateLayerUpload is
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_InitiateLayerUpload.html.
func (r *Registry) initiateLayerUpload(caller wire.Caller, in target) (initiateOutput, error) {
	repo, err := r.find(caller, in, "InitiateLayerUpload")
	if err != nil {
		return initiateOutput{}, err
	}
	r.pushes++
	id := wire.UUID("upload", repo.arn(), strconv.Itoa(r.pushes))
	repo.uploads[id] = &upload{hash: digest.Canonical.Digester()}
	return initiateOutput{uploadID{id}, partSize}, nil
}

type uploadPartInput struct {
	target
	uploadID
	First int64  `json:"partFirstByte"`
	Last  int64  `json:"partLastByte"`
	Blob  []byte `json:"layerPartBlob"`
}

type uploadPartOutput struct {
	target
	uploadID
	LastByte int64 `json:"lastByteReceived"`
}

// uploadLayerPart is
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UploadLayerPart.html.
func (r *Registry) uploadLayerPart(caller wire.Caller, in uploadPartInput) (uploadPartOutput, error) {
	repo, up, err := r.findUpload(caller, in.target, in.uploadID, "UploadLayerPart")
	if err != nil {
		return uploadPartOutput{}, err
	}
	if in.First != up.size || in.Last-in.First+1 != int64(len(in.Blob)) || len(in.Blob) > partSize {
		return uploadPartOutput{}, wire.Errorf("InvalidLayerPartException",
			"Layer part from byte %d to %d with %d bytes does not follow byte %d", in.First, in.Last, len(in.Blob), up.size-1)
	}
	_, _ = up.hash.Hash().Write(in.Blob) // a hash takes everything
	up.size += int64(len(in.Blob))
	return uploadPartOutput{target{repo.scope.Account, repo.name}, in.uploadID, up.size - 1}, nil
}

func (r *Registry) findUpload(caller wire.Caller, t target, id uploadID, operation string) (*repository, *upload, error) {
	repo, err := r.find(caller, t, operation)
	if err != nil {
		return nil, nil, err
	}
	up, ok := repo.uploads[id.UploadID]
	if !ok {
		return nil, nil, wire.Errorf("UploadNotFoundException",
			"The upload with id '%s' does not exist in the repository with name '%s' in the registry with id '%s'", id.UploadID, repo.name, repo.scope.Account)
	}
	return repo, up, nil
}

type completeInput struct {
	target
	uploadID
	Digests []digest.Digest `json:"layerDigests"`
}

type completeOutput struct {
	target
	uploadID
	Digest digest.Digest `json:"layerDigest"`
}

// completeLayerUpload is
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CompleteLayerUpload.html.
func (r *Registry) completeLayerUpload(caller wire.Caller, in completeInput) (completeOutput, error) {
	none := completeOutput{}
	repo, up, err := r.findUpload(caller, in.target, in.uploadID, "CompleteLayerUpload")
	if err != nil {
		return none, err
	}
	if err := checkCount("layerDigests", len(in.Digests)); err != nil {
		return none, err
	}
	if up.size == 0 {
		return none, wire.Errorf("EmptyUploadException", "The upload with id '%s' has no parts", in.UploadID)
	}
	d := up.hash.Digest()
	for _, wanted := range in.Digests {
		if wanted != d {
			return none, wire.Errorf("InvalidLayerException", "The digest '%s' of the layer does not match '%s'", d, wanted)
		}
	}
	delete(repo.uploads, in.UploadID)
	if _, ok := repo.layers[d]; ok {
		return none, wire.Errorf("LayerAlreadyExistsException",
			"Layer with digest '%s' already exists in the repository with name '%s' in the registry with id '%s'", d, repo.name, repo.scope.Account)
	}
	repo.layers[d] = up.size
	return completeOutput{target{repo.scope.Account, repo.name}, in.uploadID, d}, nil
}

type checkLayersInput struct {
	target
	Digests []digest.Digest `json:"layerDigests"`
}

type checkLayersOutput struct {
	Layers   []layer        `json:"layers"`
	Failures []layerFailure `json:"failures"`
}

type layer struct {
	Digest       digest.Digest `json:"layerDigest"`
	Availability string        `json:"layerAvailability"`
	Size         int64         `json:"layerSize,omitempty"`
}

type layerFailure struct {
	Digest digest.Digest `json:"layerDigest"`
	Code   string        `json:"failureCode"`
	Reason string        `json:"failureReason"`
}

// batchCheckLayerAvailability is
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchCheckLayerAvailability.html.
func (r *Registry) batchCheckLayerAvailability(caller wire.Caller, in checkLayersInput) (checkLayersOutput, error) {
	out := checkLayersOutput{Layers: []layer{}, Failures: []layerFailure{}}
	repo, err := r.find(caller, in.target, "BatchCheckLayerAvailability")
	if err != nil {
		return out, err
	}
	if err := checkCount("layerDigests", len(in.Digests)); err != nil {
		return out, err
	}
	for _, d := range in.Digests {
		if d.Validate() != nil {
			out.Failures = append(out.Failures, layerFailure{d, "InvalidLayerDigest", "Invalid request parameters: layer digest should satisfy the regex '" + digestPattern + "'"})
			continue
		}
		size, ok := repo.layers[d]
		availability := "UNAVAILABLE"
		if ok {
			availability = "AVAILABLE"
		}
		out.Layers = append(out.Layers, layer{d, availability, size})
	}
	return out, nil
}

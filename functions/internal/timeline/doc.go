// Package timeline folds facts about a service's deployments into its rollouts, in the
// order of AWS's own times: any order and repetition of the same facts gives the same
// timeline. It is pure.
package timeline

// Package codepipeline is the sandbox's CodePipeline: a story or a test starts
// executions, stages and actions and ends them, which gives the events that
// EventBridge would deliver and the jobs that functions would get; what came of
// it is read, and jobs are answered, over AWS's protocol.
//
// Nothing runs by itself: a pipeline has no structure but what is started in it,
// and stages of several executions do not wait for each other.
//
// The operations are described at
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/Welcome.html.
package codepipeline

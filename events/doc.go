// Package events reads what AWS tells about deployments: the events that
// Amazon EventBridge hands to a Lambda function.
//
// [Parse] turns the JSON of one event into one value of a type of its own,
// chosen by the event's source and detail-type:
//
//	aws.ecs           ECS Deployment State Change                      DeploymentStateChange
//	aws.ecs           ECS Service Action                               ServiceAction
//	aws.ecs           ECS Task State Change                            TaskStateChange
//	aws.ecs           ECS Container Instance State Change              ContainerInstanceStateChange
//	aws.codepipeline  CodePipeline Stage Execution State Change        StageExecutionStateChange
//	aws.codepipeline  CodePipeline Action Execution State Change       ActionExecutionStateChange
//	aws.codedeploy    CodeDeploy Deployment State-change Notification  CodeDeployStateChange
//	anything else                                                      Unknown
//
// An event answers questions (which service, which deployment, when) by
// methods. There is no way to build one but Parse, so an event that exists is
// a valid one and nobody checks it again.
//
// # What is refused
//
// Decoding is lenient where AWS may change its mind and strict where an answer
// comes from. Fields that are not known are ignored, optional fields may be
// absent or null, and an event that nobody knows is [Unknown], a value rather
// than an error. ARNs, ids and names however are checked to the letter, since
// they end up in keys, tags and calls. What is wrong is reported all at once:
// the error joins one [*FieldError] for each field.
//
// # Times
//
// All times are UTC, cut to milliseconds, whatever offset or fraction they
// arrived with. An event is a fact about that moment. EventBridge delivers at
// least once and in no order, so compare the times that events carry, never
// the times at which they arrive.
//
// # Encoding
//
// An event encodes as the part of it that this package understands, and that
// JSON parses to the same answers. Its [Envelope] encodes as the event arrived,
// detail included.
//
// The folder patterns holds the EventBridge patterns that select these events,
// one file per rule; the tests hold patterns and Parse to the same verdicts.
package events

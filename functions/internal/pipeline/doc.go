// Package pipeline tells the reactor, as facts, what CodePipeline and CodeDeploy did.
package pipeline

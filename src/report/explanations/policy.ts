import type { Topic } from '../explain.ts';

export const policy: Topic = {
  title: 'The policy',
  codes: {
    'flag-beside-policy': {
      outcomes: ['usage'],
      means: 'A flag was given that the policy says itself.',
      why: 'Beside a policy, flags may only demand more.',
      todo: 'Write it into the rule for this model.',
    },
    'flag-empty': {
      outcomes: ['usage'],
      means: 'The value of a flag is empty.',
      why: 'A variable is probably not set.',
      todo: 'Leave the flag out, or give it a value.',
    },
    'flag-without-use': {
      outcomes: ['usage'],
      means: 'A flag was given that has no use here.',
      why: 'It belongs to another kind of target, or is missing its partner.',
      todo: 'Leave it out.',
    },
    'policy-inside-model': {
      outcomes: ['usage'],
      means: 'The policy, or a trusted key, lies inside the model that it judges.',
      why: 'Whoever makes the model could change it.',
      todo: 'Keep policies and trusted keys elsewhere.',
    },
    'policy-invalid': {
      outcomes: ['usage'],
      means: 'The policy is not valid.',
      why: 'Unknown keys, empty lists, wrong values or YAML that is not plain; the message names each line.',
      todo: 'Correct it: docs/policy.md, schemas/policy.schema.json.',
    },
    'policy-no-rule': {
      outcomes: ['refused', 'rejected'],
      means: 'No rule of the policy is for this model.',
      why: 'What no rule matches is rejected.',
      todo: 'Add a rule for the model, or check its location.',
    },
    'policy-rules-tie': {
      outcomes: ['usage'],
      means: 'Several rules are for this model, and none is the most specific.',
      why: 'Two patterns match it equally well.',
      todo: 'Add a rule for exactly this model.',
    },
    'policy-unreadable': {
      outcomes: ['usage'],
      means: 'The policy, or a key that it names, cannot be read.',
      why: 'The file is missing, not readable, or not a key.',
      todo: 'Correct the path.',
    },
    'yaml-invalid': {
      outcomes: ['refused'],
      means: 'The file is not plain YAML.',
      why: 'Anchors, tags, duplicate keys and the like are refused.',
      todo: 'Write it without them.',
    },
    'yaml-too-large': {
      outcomes: ['refused'],
      means: 'The YAML file is larger than mlsign reads.',
      why: 'It is another file, or very long.',
      todo: 'Check that it is the right file.',
    },
  },
};

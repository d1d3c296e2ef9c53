/** Who has a part in the pipeline. Each has a key of their own. */
export const PEOPLE = [
  'upstream',
  'data-team',
  'trainer',
  'evaluator',
  'alice',
  'bob',
  'carol',
  'releaser',
  'gate',
  'revoker',
  'owner',
] as const;
export type Person = (typeof PEOPLE)[number];

export const BUILDER = 'https://ci.acme.example/train';
export const CODE = 'git+https://github.com/acme/train@4f9c2d81b6a3e5f70912c4d8a6b3e1f50729c4d8';
export const VERIFIER = 'https://acme.example/gate';

/** The rules of the gate, as the demo shows them. */
export const GATE_RULES = `roles:
  security: [alice, bob, carol]

revocations: { signed-by: revoker, file: revocations.json }

rules:
  - model: "**/reviews"
    signed-by: trainer
    released-by: releaser
    channels: { production: { signed-by: releaser } }
    formats: { allow: [safetensors, json, tokenizer] }
    lineage:
      model: { builders: ["${BUILDER}"] }
      base-model: { signed-by: upstream, minimum: 1 }
      dataset: { signed-by: data-team, minimum: 1 }
      code: { from: ["git+https://github.com/acme/**"], minimum: 1 }
    attestations:
      - { type: evaluation, signed-by: evaluator, metrics: { accuracy: ">= 0.9" }, max-age: 30d }
      - { type: approval, role: security, signed-by: "2 of [security]", max-age: 30d }

  - model: "**/words"
    signed-by: upstream
    released-by: releaser

  - model: "**/corpus"
    signed-by: data-team
    released-by: releaser
    formats: { allow: [jsonl] }
`;

/** The rules of the machine that deploys: it knows the gate, and nobody else's keys but the releaser's. */
export function deployRules(gatePolicySha256: string): string {
  return `revocations: { signed-by: revoker, file: revocations.json }

rules:
  - model: store/reviews
    signed-by: gate
    released-by: releaser
    vsa: { signed-by: gate, verifier: "${VERIFIER}", policy: ${gatePolicySha256}, max-age: 1d }
`;
}

/** A policy file that has the keys in itself, so that its signature covers them. */
export function policyFile(keys: ReadonlyMap<Person, string>, rules: string): string {
  const principals = [...keys].map(([name, pem]) => `  ${name}:\n    key: |\n${pem.trimEnd().replaceAll(/^/gm, '      ')}\n`);
  return `version: 1\n\nprincipals:\n${principals.join('')}\n${rules}`;
}

import type { Finding } from '../core/index.ts';
import type { ModelSubject } from '../formats/index.ts';
import { BUILD_TYPE, isBinding, type Material, type Provenance, type Relation } from '../lineage/index.ts';
import type { BuildFacts } from './build-facts.ts';
import type { MaterialSource } from './resolve-materials.ts';

/** What is to be attested of how a model was made. */
export interface ProvenanceRequest {
  readonly relation?: Relation | undefined;
  readonly materials: readonly MaterialSource[];
  readonly parameters: Readonly<Record<string, string>>;
  readonly metrics: Readonly<Record<string, number>>;
  /** URI. */
  readonly builder?: string | undefined;
  readonly invocation?: string | undefined;
  /** What others say; what is asked for above goes before it. */
  readonly facts: readonly BuildFacts[];
}

/** Who builds where nobody says so: nobody vouches for how it was done. */
export const LOCAL_BUILDER = 'https://mlsign/builders/local';

/** Puts together what was asked for and what others say, and tells where they contradict each other. */
export function composeProvenance(
  subject: ModelSubject,
  resolved: readonly Material[],
  request: ProvenanceRequest,
): { readonly provenance: Provenance; readonly findings: readonly Finding[] } {
  const { facts } = request;
  const findings: Finding[] = facts.flatMap((fact) => fact.findings);
  const builder = choose('builder', request.builder, facts, findings);
  const invocation = choose('invocation', request.invocation, facts, findings);
  const materials = [...resolved, ...facts.flatMap((fact) => fact.materials)];
  const unique = [
    ...new Map(materials.map((material) => [JSON.stringify([material.role, material.uri, material.digests]), material])).values(),
  ];
  findings.push(...unique.filter(({ digest }) => !isBinding(digest)).map(weakDigest));
  const provenance: Provenance = {
    subject,
    buildType: BUILD_TYPE,
    ...(request.relation === undefined ? {} : { relation: request.relation }),
    materials: unique,
    parameters: merge('parameter', request.parameters, facts, ({ parameters }) => parameters, findings),
    metrics: merge('metric', request.metrics, facts, ({ metrics }) => metrics, findings),
    builder: builder ?? LOCAL_BUILDER,
    ...(invocation === undefined ? {} : { invocation }),
    ...moments(facts),
  };
  return { provenance, findings };
}

function choose(
  field: 'builder' | 'invocation',
  given: string | undefined,
  facts: readonly BuildFacts[],
  findings: Finding[],
): string | undefined {
  const said = facts.flatMap(({ [field]: value, source }) => (value === undefined ? [] : [{ value, source }]));
  const chosen = given ?? said[0]?.value;
  for (const { value, source } of said) {
    if (chosen !== undefined && value !== chosen) findings.push(differs(field, `the ${field}`, source, value, chosen));
  }
  return chosen;
}

function merge<T extends string | number>(
  what: string,
  given: Readonly<Record<string, T>>,
  facts: readonly BuildFacts[],
  entriesOf: (facts: BuildFacts) => Readonly<Record<string, T>>,
  findings: Finding[],
): Readonly<Record<string, T>> {
  const merged = new Map(Object.entries(given));
  for (const fact of facts) {
    for (const [name, value] of Object.entries(entriesOf(fact))) {
      const before = merged.get(name);
      if (before === undefined) merged.set(name, value);
      else if (before !== value) findings.push(differs(what, `the ${what} ${name}`, fact.source, String(value), String(before)));
    }
  }
  return Object.fromEntries(merged);
}

function moments(facts: readonly BuildFacts[]): Pick<Provenance, 'started' | 'finished'> {
  const started = facts.find((fact) => fact.started !== undefined)?.started;
  const finished = facts.find((fact) => fact.finished !== undefined)?.finished;
  return { ...(started === undefined ? {} : { started }), ...(finished === undefined ? {} : { finished }) };
}

function differs(field: string, what: string, subject: string, got: string, expected: string): Finding {
  return {
    code: `${field}-differs`,
    severity: 'warning',
    message: `${what} is another here; what was given first is attested`,
    subject,
    expected,
    got,
  };
}

function weakDigest({ name, uri, digest, role }: Material): Finding {
  return {
    code: 'digest-weak',
    severity: 'warning',
    message: `this ${role} is bound by ${digest.kind} alone, which others can forge: it is written down, and proves nothing`,
    subject: name ?? uri ?? role,
    suggestion: 'name it with --dataset PATH as well, so that its bytes are hashed',
  };
}

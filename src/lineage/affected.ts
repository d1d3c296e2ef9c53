import type { Material } from '../formats/index.ts';

/** A model, and what its statements say that it was made from. */
export interface Derivation {
  readonly modelId: string;
  readonly name: string;
  readonly materials: readonly DerivedFrom[];
  /** Digests of what it consists of, where those are known. */
  readonly contents?: ReadonlySet<string> | undefined;
}

/** One thing that a model was made from. */
export interface DerivedFrom {
  readonly material: Material;
  /** Whether somebody who is trusted says so. */
  readonly isVerified: boolean;
}

/** A model that descends from something. */
export interface Descendant {
  readonly modelId: string;
  /** Edges that lead here; 0 for the thing itself. */
  readonly depth: number;
  /** The model that it was made from, on the way from the thing; absent where it was made from the thing itself. */
  readonly via?: string | undefined;
  /** The material by which it was reached; absent where it is the thing, or holds it. */
  readonly material?: Material | undefined;
  /** Whether every step of the way is said by somebody who is trusted. */
  readonly isVerified: boolean;
}

/** What to look for: a digest, of a certain algorithm or of whichever. */
export interface WantedDigest {
  readonly algorithm?: string | undefined;
  readonly value: string;
}

/**
 * Every model that descends from something, itself included: whatever binds it by any of its digests counts, and whatever
 * binds one of its descendants by model id. Ways on which every step is verified go before others.
 */
export function findDescendants(wanted: WantedDigest, derivations: readonly Derivation[]): ReadonlyMap<string, Descendant> {
  const children = new Map<string, { readonly child: string; readonly from: DerivedFrom }[]>();
  const starts: Descendant[] = [];
  for (const { modelId, materials, contents } of derivations) {
    if (isWanted(wanted, 'mlsignModel', modelId) || contents?.has(wanted.value) === true)
      starts.push({ modelId, depth: 0, isVerified: true });
    for (const from of materials) {
      const { mlsignModel: parent } = from.material.digests;
      if (parent !== undefined) append(children, parent, { child: modelId, from });
      if (Object.entries(from.material.digests).some(([algorithm, value]) => isWanted(wanted, algorithm, value))) {
        starts.push({ modelId, depth: 1, material: from.material, isVerified: from.isVerified });
      }
    }
  }
  const found = new Map<string, Descendant>();
  for (const wantsProof of [true, false]) {
    const queue = [...starts.filter((start) => start.isVerified || !wantsProof), ...(wantsProof ? [] : found.values())];
    queue.sort((a, b) => a.depth - b.depth);
    // The queue grows while it is walked.
    for (const here of queue) {
      const known = found.get(here.modelId);
      if (known !== undefined && known !== here) continue;
      found.set(here.modelId, here);
      for (const { child, from } of children.get(here.modelId) ?? []) {
        const isVerified = here.isVerified && from.isVerified;
        if (found.has(child) || (wantsProof && !isVerified)) continue;
        queue.push({ modelId: child, depth: here.depth + 1, via: here.modelId, material: from.material, isVerified });
      }
    }
  }
  return found;
}

/** A model is known by its id as `sha256:…` as well. */
function isWanted(wanted: WantedDigest, algorithm: string, value: string): boolean {
  if (wanted.value !== value) return false;
  const { algorithm: asked } = wanted;
  return asked === undefined || asked === algorithm || (asked === 'sha256' && algorithm === 'mlsignModel');
}

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [value]);
  else known.push(value);
}

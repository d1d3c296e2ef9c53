import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sha256Hex } from '../../../src/core/index.ts';
import {
  type Material,
  type MaterialRole,
  materialOf,
  PROVENANCE_TYPE,
  type Provenance,
  parseBundle,
  parseProvenance,
  parseStatement,
  provenancePayload,
  serializeBundle,
} from '../../../src/formats/index.ts';
import { attestationName } from '../../../src/lineage/index.ts';
import { localKeySigner, seal } from '../../../src/sign/index.ts';
import type { Person } from '../policies.ts';
import { key, type Workshop } from '../workshop.ts';

/** A statement that lies beside a model. */
export interface Statement {
  readonly path: string;
  readonly type: string;
  readonly payload: Uint8Array;
}

/** What the command line refuses to say, signed with a stolen key. */
export async function signed(workshop: Workshop, thief: Person, payload: Uint8Array): Promise<Buffer> {
  const signer = await localKeySigner(workshop.read(key(thief)), { where: key(thief) });
  return Buffer.from(serializeBundle(await seal(payload, signer)));
}

/** Puts a statement beside a model. */
export async function attach(workshop: Workshop, model: string, thief: Person, payload: Uint8Array): Promise<void> {
  const bytes = await signed(workshop, thief, payload);
  const path = workshop.path(`${model}.mlsign`, attestationName(sha256Hex(bytes)));
  await mkdir(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}

export function statementsBeside(workshop: Workshop, model: string): readonly Statement[] {
  const folder = workshop.path(`${model}.mlsign`);
  return readdirSync(folder)
    .filter((name) => name.endsWith('.att'))
    .sort()
    .map((name) => {
      const path = join(folder, name);
      const { payload } = parseBundle(readFileSync(path), path).envelope;
      return { path, type: parseStatement(payload, path).predicateType, payload };
    });
}

/** Takes away what is said of a model, by its type, and gives back what it was. */
export function takeAway(workshop: Workshop, type: string, model = 'reviews'): readonly Statement[] {
  const taken = statementsBeside(workshop, model).filter((statement) => statement.type === type);
  for (const { path } of taken) rmSync(path);
  return taken;
}

/** Puts another story of how the classifier was made in the place of the true one. */
export async function retell(workshop: Workshop, change: (told: Provenance) => Partial<Provenance>): Promise<void> {
  const told = provenance(workshop);
  takeAway(workshop, PROVENANCE_TYPE);
  await attach(workshop, 'reviews', 'trainer', provenancePayload({ ...told, ...change(told) }));
}

/** What the trainer said of how the classifier was made. */
export function provenance(workshop: Workshop): Provenance {
  const [told] = statementsBeside(workshop, 'reviews').filter(({ type }) => type === PROVENANCE_TYPE);
  if (told === undefined) throw new Error('the classifier has no provenance');
  return parseProvenance(told.payload, told.path);
}

/** A model in a role. */
export function material(modelId: string, role: MaterialRole, name: string): Material {
  const made = materialOf({ mlsignModel: modelId }, { role, name });
  if (made === undefined) throw new TypeError('a digest that mlsign knows');
  return made;
}

export function without(role: MaterialRole): (told: Provenance) => Partial<Provenance> {
  return ({ materials }) => ({ materials: materials.filter((one) => one.role !== role) });
}

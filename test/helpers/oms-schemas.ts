import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';

const FOLDER = new URL('../../fixtures/oms-schemas/', import.meta.url);

// Not in strict mode: the official schemas require fields in a branch that are declared outside it.
const ajv = new Ajv2020({ allErrors: true, strict: false });
for (const name of readdirSync(FOLDER)) {
  if (name.endsWith('.schema.json')) ajv.addSchema(JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')));
}

/** The official OMS v1.0 schemas. */
export type OmsSchema = 'bundle' | 'envelope' | 'statement' | 'predicate';

/** What an official OMS v1.0 schema finds wrong in a document; empty where it is valid. */
export function omsErrors(schema: OmsSchema, document: unknown): string {
  const validate = ajv.getSchema(`https://model_signing/${schema}/v1.0/schema`);
  assert.ok(validate, `no schema ${schema}`);
  return validate(document) ? '' : ajv.errorsText(validate.errors);
}

/** What the four official schemas find wrong in a bundle: the bundle, its envelope, the statement inside, its predicate. */
export function omsErrorsOfBundle(text: string): readonly string[] {
  const bundle = JSON.parse(text);
  const statement = JSON.parse(Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString());
  const documents: readonly (readonly [OmsSchema, unknown])[] = [
    ['bundle', bundle],
    ['envelope', bundle.dsseEnvelope],
    ['statement', statement],
    ['predicate', statement.predicate],
  ];
  return documents.map(([schema, document]) => omsErrors(schema, document)).filter((errors) => errors !== '');
}

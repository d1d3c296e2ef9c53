import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const FOLDER = new URL('../../schemas/', import.meta.url);

const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
addFormats.default(ajv);
for (const name of readdirSync(FOLDER)) ajv.addSchema(JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')));

/** Asserts that a document is valid by a published schema, named without its ending: `verification`. */
export function assertValid(schema: string, document: unknown): void {
  const validate = ajv.getSchema(`https://mlsign/schemas/${schema}.schema.json`);
  assert.ok(validate, `no schema ${schema}`);
  assert.ok(validate(document), `${schema}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(document, null, 2)}`);
}

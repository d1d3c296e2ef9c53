import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';

const FOLDER = new URL(
  './res/schema/',
  new URL(`file://${createRequire(import.meta.url).resolve('@cyclonedx/cyclonedx-library/package.json')}`),
);

const ajv = new Ajv({ allErrors: true, strict: false, formats: { 'iri-reference': true, 'idn-email': true } });
addFormats.default(ajv);
for (const name of ['spdx', 'jsf-0.82']) ajv.addSchema(schema(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`);
const validate = ajv.compile(schema('bom-1.6'));

function schema(name: string): object {
  return JSON.parse(readFileSync(new URL(`${name}.SNAPSHOT.schema.json`, FOLDER), 'utf8'));
}

/** Asserts that a document is valid by CycloneDX's own schema, and that every reference in it leads somewhere. */
export function assertCycloneDx(document: unknown): void {
  assert.ok(validate(document), `${ajv.errorsText(validate.errors)}\n${JSON.stringify(document, null, 2)}`);
  const refs: string[] = [];
  const links: string[] = [];
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const [key, value] of Object.entries(node)) {
      if (key === 'bom-ref') refs.push(value);
      else if (key === 'ref') links.push(value);
      else if (key === 'dependsOn') links.push(...value);
      visit(value);
    }
  };
  visit(document);
  assert.equal(new Set(refs).size, refs.length, 'each bom-ref once');
  assert.deepEqual(
    links.filter((link) => !refs.includes(link)),
    [],
    'references that lead nowhere',
  );
}

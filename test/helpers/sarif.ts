import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';

/** A result as tests look at it. */
export interface SarifResult {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly level: string;
  readonly message: { readonly text: string };
  readonly locations: readonly {
    readonly physicalLocation: { readonly artifactLocation: { readonly uri: string; readonly uriBaseId: string } };
  }[];
  readonly partialFingerprints: Readonly<Record<string, string>>;
}

/** The one run of a report. */
export interface SarifRun {
  readonly tool: {
    readonly driver: {
      readonly semanticVersion: string;
      readonly rules: readonly {
        readonly id: string;
        readonly help: { readonly text: string };
        readonly shortDescription: { readonly text: string };
        readonly fullDescription: { readonly text: string };
      }[];
    };
  };
  readonly invocations: readonly {
    readonly executionSuccessful: boolean;
    readonly exitCode: number;
    readonly exitCodeDescription: string;
    readonly toolExecutionNotifications?: readonly object[];
  }[];
  readonly results: readonly SarifResult[];
}

const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
addFormats.default(ajv);
// The schema is of draft 4, where only the name of the identifier is another one.
const {
  $schema: _,
  id: __,
  ...schema
} = JSON.parse(readFileSync(new URL('../../fixtures/sarif/sarif-2.1.0-rtm.5.json', import.meta.url), 'utf8'));
const validate = ajv.compile(schema);

/** Asserts that a report is SARIF 2.1.0, with all that GitHub code scanning asks for besides; returns its run. */
export function sarifRun(log: unknown): SarifRun {
  assert.ok(validate(log), ajv.errorsText(validate.errors));
  const { runs } = log as { readonly runs: readonly SarifRun[] };
  assert.equal(runs.length, 1);
  const [run] = runs;
  assert.ok(run);
  const { rules } = run.tool.driver;
  for (const { ruleId, ruleIndex, message, locations, partialFingerprints } of run.results) {
    assert.equal(rules[ruleIndex]?.id, ruleId);
    assert.notEqual(message.text, '');
    assert.equal(locations.length, 1);
    assert.ok(partialFingerprints.primaryLocationLineHash);
    const { uri, uriBaseId } = locations[0]?.physicalLocation.artifactLocation ?? {};
    assert.equal(uriBaseId, '%SRCROOT%');
    assert.ok(uri !== undefined && new URL(uri, 'file:///model/').pathname.startsWith('/model/'), uri);
  }
  assert.equal(new Set(rules.map(({ id }) => id)).size, rules.length);
  return run;
}

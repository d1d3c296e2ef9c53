import { type JsonValue, refused } from '../core/index.ts';

/**
 * Reads a YAML document that is no policy (a model card, a file of another tool) as strictly as one.
 *
 * @param where names the document in errors
 * @param what says what it is: `model card`
 * @throws MlsignError `yaml-invalid`, `yaml-too-large`
 */
export async function readYaml(bytes: Uint8Array, where: string, what: string, maxBytes: number): Promise<JsonValue> {
  if (bytes.length > maxBytes) {
    throw refused('yaml-too-large', `the ${what} is larger than mlsign reads`, {
      subject: where,
      expected: `at most ${maxBytes} bytes of YAML`,
      got: `${bytes.length} bytes`,
    });
  }
  // The parser is a quarter of what a command without YAML would load.
  const { parseYaml } = await import('./yaml.ts');
  return parseYaml(bytes, where, (lines) =>
    refused('yaml-invalid', `the ${what} is not plain YAML: ${lines.slice(0, 5).join('; ')}`, { subject: where }),
  ).value;
}

import { type Decoder, type Fields, nearest } from '../core/index.ts';
import { FILE_FORMATS, type FileFormat } from '../filetypes/index.ts';
import { MAX_ENTRIES, refuseOthers, strings, suggestion } from './decode-fields.ts';
import { type FormatSetting, importPatternProblem } from './format-rule.ts';

const FIELDS = ['allow', 'allow-code', 'imports'];

/** Reads what the files of a model may be. */
export function decodeFormats(decoder: Decoder, rule: Fields): FormatSetting {
  const value = rule.raw('formats');
  if (value === 'any') return value;
  if (typeof value === 'string') {
    decoder.problem(rule.at('formats'), `"any", or an object with ${FIELDS.join(', ')}`, value);
    return 'any';
  }
  const fields = rule.object('formats');
  refuseOthers(decoder, fields, FIELDS);
  if (fields.present && fields.keys().length === 0) decoder.problem(fields.path, `"any", or ${FIELDS.join(', ')}`, {});
  const allowCode = fields.has('allow-code') ? formats(decoder, fields, 'allow-code') : [];
  if (fields.has('imports') && !fields.has('allow-code'))
    decoder.problem(fields.at('imports'), 'no such field without allow-code', fields.raw('imports'));
  return {
    ...(fields.has('allow') ? { allow: formats(decoder, fields, 'allow') } : {}),
    allowCode,
    ...(fields.has('imports') ? { imports: imports(decoder, fields) } : {}),
    by: 'rule',
  };
}

function formats(decoder: Decoder, fields: Fields, name: string): readonly FileFormat[] {
  const path = fields.at(name);
  const names = strings(decoder, fields.array(name, 1, MAX_ENTRIES), path, /./s, 'a format');
  return names.flatMap((text, index) => {
    const format = FILE_FORMATS.find((known) => known === text);
    if (format !== undefined) return [format];
    if (text !== '') {
      const near = nearest(text, FILE_FORMATS);
      decoder.problem(`${path}[${index}]`, `a format${near === undefined ? `: ${FILE_FORMATS.join(', ')}` : suggestion(near)}`, text);
    }
    return [];
  });
}

function imports(decoder: Decoder, fields: Fields): readonly string[] {
  const path = fields.at('imports');
  const patterns = strings(decoder, fields.array('imports', 1, MAX_ENTRIES), path, /./s, 'an import');
  for (const [index, pattern] of patterns.entries()) {
    const reason = pattern === '' ? undefined : importPatternProblem(pattern);
    if (reason !== undefined) decoder.problem(`${path}[${index}]`, reason, pattern);
  }
  return patterns;
}

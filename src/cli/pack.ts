import { Flags } from '@oclif/core';
import { packModel } from '../app/index.ts';
import { DEFAULT_LEVEL } from '../archive/index.ts';
import { usage } from '../core/index.ts';
import { packDocument, packEvent, packText } from '../report/index.ts';
import type { CommandReport, Session } from './base-command.ts';
import { type EngineFlags, engineOptions, findingWarnings, type ManifestFlags, manifestOptions } from './ports.ts';
import { loadSigners, type SignerFlags } from './signers.ts';
import { environment } from './wiring.ts';

/** How an archive is packed. */
export const packFlags = {
  level: Flags.integer({ summary: 'Compression, from 0 (none) to 9 (smallest).', helpValue: 'N', default: DEFAULT_LEVEL, min: 0, max: 9 }),
  inside: Flags.boolean({ summary: 'Put the signature into the archive, as model.sig, and not beside it.' }),
  force: Flags.boolean({ summary: 'Replace an existing archive and its signature.' }),
};

/** Flags of `mlsign pack`. */
export interface PackFlags extends SignerFlags, ManifestFlags, EngineFlags {
  readonly level: number;
  readonly inside: boolean;
  readonly force: boolean;
}

/** Packs a model as flags say, and tells of it. */
export async function packByFlags(directory: string, archive: string, flags: PackFlags, session: Session): Promise<CommandReport> {
  const { level, inside, force, kms = [] } = flags;
  const isSigned = flags.key !== undefined || kms.length > 0 || flags.sigstore;
  if (inside && !isSigned) {
    throw usage('inside-without-signer', '--inside is about a signature, and nobody signs', {
      subject: '--inside',
      suggestions: ['--key release.key', 'leave it out: a model.sig that lies in the directory goes along as it is'],
    });
  }
  const mtime = sourceDate();
  const team = isSigned ? await loadSigners(flags, session.signal) : undefined;
  try {
    const { engine, workers } = engineOptions(flags);
    const options = { ...manifestOptions(flags), engine, workers, level, inside, force, mtime, ...session };
    const packed = await packModel(directory, archive, { ...options, signing: team });
    return {
      document: () => packDocument(packed),
      text: (style) => packText(packed, style),
      warnings: findingWarnings(packed.findings),
      event: packEvent(packed),
      exitCode: 0,
    };
  } finally {
    await team?.close();
  }
}

/** The time that reproducible builds give to what they make. */
function sourceDate(): number | undefined {
  const { SOURCE_DATE_EPOCH: text = '' } = environment();
  if (text === '') return undefined;
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw usage('source-date-invalid', 'SOURCE_DATE_EPOCH is not a time', { got: text, expected: 'seconds since 1970' });
}

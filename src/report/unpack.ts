import type { UnpackedModel } from '../app/index.ts';
import { escapeText } from './escape.ts';
import type { Style } from './style.ts';
import { verificationDocument, verificationText } from './verification.ts';

/** What `mlsign unpack --json` prints: `schemas/unpack.schema.json`. */
export function unpackDocument(unpacked: UnpackedModel): object {
  const { verdict, directory } = unpacked;
  return {
    type: 'https://mlsign/unpack-result/v1',
    verdict,
    directory,
    is_complete: verdict === 'verified',
    verification: verificationDocument(unpacked),
  };
}

/** What was unpacked, for people. */
export function unpackText(unpacked: UnpackedModel, style: Style): string {
  const { verdict, directory } = unpacked;
  const line =
    verdict === 'verified'
      ? `${style.good(style.bold('unpacked'))}  ${style.bold(escapeText(directory))}`
      : `${style.bad(style.bold('not unpacked'))}  ${escapeText(directory)}`;
  return `${line}\n${verificationText(unpacked, style)}`;
}

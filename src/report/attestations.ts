import type { RequiredAttestation } from '../gate/index.ts';
import { escapeText } from './escape.ts';
import type { Style } from './style.ts';

/** Which statements a policy asked for, and what became of them, as documents have it. */
export function attestationsDocument(required: readonly RequiredAttestation[]): object {
  return required.map(({ type, role, signedBy, isMet, looked }) => ({
    type,
    ...(role === undefined ? {} : { role }),
    signed_by: signedBy,
    met: isMet,
    statements: looked.map(({ bundle, sha256, statement, principals, signer, time, reason }) => ({
      path: bundle,
      sha256,
      statement_sha256: statement,
      principals,
      signer,
      ...(time === undefined ? {} : { time: time.time.toISOString(), time_by: time.by }),
      counted: reason === undefined,
      ...(reason === undefined ? {} : { reason }),
    })),
  }));
}

/** The statements that count, and why others do not, for people. */
export function attestationLines(required: readonly RequiredAttestation[], style: Style): readonly string[] {
  return required.flatMap(({ type, role, looked }) => {
    const name = role === undefined ? type : `${type} for ${role}`;
    return looked.map(({ principals, bundle, time, reason }) => {
      const when = time === undefined ? '' : `, ${time.time.toISOString()} (${time.by})`;
      const line = `${escapeText(principals.join(', '))}  ${style.dim(escapeText(`${name}${when}`))}`;
      return reason === undefined
        ? `attested   ${line}`
        : style.dim(`not counted  ${escapeText(`${name} by ${principals.join(', ')}, in ${bundle}: ${reason}`)}`);
    });
  });
}

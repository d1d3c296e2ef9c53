import type { Finding } from '../../../src/core/index.ts';
import { findingLine } from '../../../src/report/findings.ts';
import { bold, dim } from '../shell.ts';
import type { Workshop } from '../workshop.ts';

/** Something that must not get through the gate. */
export interface Attack {
  /** Who does what: a sentence without its period. */
  readonly deed: string;
  readonly arrange?: (workshop: Workshop) => void | Promise<void>;
  /** The command of whoever relies on the policy. */
  readonly gate: readonly string[];
  /** 1: rejected; 2: the policy or the flags are refused; 3: nobody can tell, which does not pass either. */
  readonly exit: 1 | 2 | 3;
  /** The code of what it is refused for. */
  readonly finding: string;
}

/** Attacks that aim at the same thing. */
export interface Campaign {
  readonly name: string;
  readonly attacks: readonly Attack[];
}

/** Tries an attack on a pipeline as it was, says what came of it in two lines, and tells whether it was refused as it must be. */
export async function attempt({ deed, arrange, gate, exit, finding }: Attack, workshop: Workshop): Promise<boolean> {
  await workshop.restore();
  await arrange?.(workshop);
  const { status, stdout, stderr } = workshop.shell.run(...gate, '--json');
  const reasons = reasonsIn(stdout);
  const reason = reasons.find(({ code }) => code === finding);
  const isRefused = status === exit && reason !== undefined;
  process.stdout.write(`  ${bold(deed)}\n`);
  if (isRefused) process.stdout.write(`    ${dim(`exit ${status}`)}  ${findingLine(reason)} ${dim(`[${reason.code}]`)}\n`);
  else {
    const got = reasons.length === 0 ? stderr : reasons.map((other) => `\n      ${findingLine(other)} [${other.code}]`).join('');
    process.stdout.write(`    NOT AS IT MUST BE: exit ${status}, not ${exit} with ${finding}: ${got}\n`);
  }
  return isRefused;
}

/** Why a command did not do what it was asked for: the findings that decided, or the error. */
function reasonsIn(json: string): readonly Finding[] {
  if (json === '') return [];
  const document = JSON.parse(json);
  const { verdict, findings } = document.verification ?? document;
  if (findings === undefined) return [errorReason(document)];
  return findings.filter(({ severity }: Finding) => severity === verdict);
}

/** An error as a finding; its message may say already what was expected. */
function errorReason({ code, message, subject, expected, got }: Finding): Finding {
  const isSaid = expected === undefined || message.includes(expected);
  return { code, severity: 'rejected', message, subject: subject ?? 'the flags', ...(isSaid ? {} : { expected, got }) };
}

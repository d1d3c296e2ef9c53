import { Decoder } from '../core/index.ts';
import { parseStatement, STATEMENT_TYPE } from '../formats/index.ts';
import { checkSubject, decodeTime, LARGEST_RELEASE, MODEL_ID, refuseOtherType, SHA256 } from './decode-statement.ts';

/** The predicate type of a channel pointer. */
export const CHANNEL_TYPE = 'https://mlsign/channel/v1';

/** The largest pointer that is read or written, in bytes. */
export const MAX_POINTER_BYTES = 1024 * 1024;

const CHANNEL = /^[A-Za-z][A-Za-z0-9._-]{0,63}$/;
const REASON = /^\P{Cc}{1,1000}$/u;

/** A named, numbered, expiring pointer to a release. */
export interface ChannelPointer {
  /** The model's logical name. */
  readonly name: string;
  readonly channel: string;
  /** Higher than that of every pointer before it. */
  readonly sequence: number;
  readonly action: 'promote' | 'renew' | 'rollback';
  readonly release: {
    readonly number: number;
    /** SHA-256 of the record's bytes, hex. */
    readonly digest: string;
  };
  readonly modelId: string;
  readonly issued: Date;
  readonly expires: Date;
  /** Why, for those who read the history: one line. */
  readonly reason?: string | undefined;
}

/** The pointer as the in-toto statement to sign. */
export function channelPayload(pointer: ChannelPointer): Uint8Array {
  const { name, channel, sequence, action, release, modelId, issued, expires, reason } = pointer;
  const statement = {
    _type: STATEMENT_TYPE,
    subject: [{ name, digest: { mlsignModel: modelId } }],
    predicateType: CHANNEL_TYPE,
    predicate: {
      name,
      channel,
      sequence,
      action,
      release: { number: release.number, sha256: release.digest },
      model_id: modelId,
      issued: issued.toISOString(),
      expires: expires.toISOString(),
      ...(reason === undefined ? {} : { reason }),
    },
  };
  return Buffer.from(JSON.stringify(statement));
}

/**
 * Reads a channel pointer strictly.
 *
 * @param where names the bundle in errors
 * @throws MlsignError `channel-malformed`, `predicate-type-unknown`, and what `parseStatement` throws
 */
export function parseChannelPointer(payload: Uint8Array, where: string): ChannelPointer {
  const statement = parseStatement(payload, where);
  refuseOtherType(statement, CHANNEL_TYPE, 'a channel pointer', where);
  const decoder = new Decoder();
  const fields = decoder.object(statement.predicate, 'predicate');
  const release = fields.object('release');
  const pointer: ChannelPointer = {
    name: fields.string('name'),
    channel: fields.string('channel', CHANNEL, 'a channel: a letter, then letters, digits, ".", "_" and "-"'),
    sequence: fields.integer('sequence', 1),
    action: fields.oneOf('action', ['promote', 'renew', 'rollback']),
    release: {
      number: release.integer('number', 1, LARGEST_RELEASE),
      digest: release.string('sha256', SHA256, '64 lower-case hex digits'),
    },
    modelId: fields.string('model_id', MODEL_ID, '64 lower-case hex digits'),
    issued: decodeTime(decoder, fields, 'issued'),
    expires: decodeTime(decoder, fields, 'expires'),
    ...(fields.has('reason') ? { reason: fields.string('reason', REASON, 'one line of at most 1000 characters') } : {}),
  };
  release.done();
  fields.done();
  checkSubject(decoder, statement, pointer);
  if (pointer.expires <= pointer.issued) decoder.problem('predicate.expires', 'a moment after "issued"', fields.raw('expires'));
  decoder.finish('channel-malformed', 'channel pointer', where);
  return pointer;
}

import type { Decoder, Fields } from '../core/index.ts';
import { MAX_ENTRIES, refuseDuplicates, refuseOthers } from './decode-fields.ts';
import { decodeOneSigner } from './decode-signers.ts';
import type { ChannelEntry, RuleEntry } from './document.ts';

/** As locations know channels: a name that starts with a letter is never a release number. */
const CHANNEL = /^[A-Za-z][A-Za-z0-9._-]{0,63}$/;

/** Reads who may sign releases and move channels. */
export function decodeReleasing(decoder: Decoder, rule: Fields): Pick<RuleEntry, 'releasedBy' | 'channels'> {
  const releasedBy = decodeOneSigner(decoder, rule, 'released-by');
  if (!rule.has('channels')) return { releasedBy, channels: [] };
  const channels = rule.object('channels');
  if (channels.present && channels.keys().length === 0) decoder.problem(channels.path, 'at least one channel', {});
  return { releasedBy, channels: channels.keys().map((name) => decodeChannel(decoder, channels, name)) };
}

function decodeChannel(decoder: Decoder, channels: Fields, name: string): ChannelEntry {
  if (!CHANNEL.test(name))
    decoder.problem(channels.at(name), 'a channel: letters, digits, ".", "_" and "-", beginning with a letter', name);
  const fields = channels.object(name);
  refuseOthers(decoder, fields, ['signed-by', 'stateless']);
  if (fields.present && fields.keys().length === 0) decoder.problem(fields.path, 'signed-by, stateless, or both', {});
  return {
    name,
    signedBy: decodeOneSigner(decoder, fields, 'signed-by'),
    stateless: fields.has('stateless') ? fields.boolean('stateless') : true,
  };
}

/** Reads the endpoints whose checksums are believed. */
export function decodeEndpoints(decoder: Decoder, rule: Fields): readonly string[] {
  const path = rule.at('attested-endpoints');
  const endpoints = rule.array('attested-endpoints', 0, MAX_ENTRIES).map((value, index) => {
    const origin = typeof value === 'string' ? originOf(value) : undefined;
    if (origin === undefined) decoder.problem(`${path}[${index}]`, 'an endpoint such as https://minio.example:9000, without a path', value);
    return origin ?? '';
  });
  refuseDuplicates(decoder, endpoints, path);
  return endpoints;
}

/** The origin that a text names and nothing else, with the port left out where it is the scheme's own. */
function originOf(text: string): string | undefined {
  if (!/^https?:\/\/[^/?#@\\\s]+\/?$/i.test(text) || !URL.canParse(text)) return undefined;
  return new URL(text).origin;
}

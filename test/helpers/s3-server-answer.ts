import type { Bytes } from './s3-server-bytes.ts';
import type { XmlNode } from './s3-server-xml.ts';

/** What S3 answers to a request that it does. */
export interface S3Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body?: Bytes | string;
}

/** A request that S3 refuses: the code of its error, and what it says. */
export class S3Refusal extends Error {
  readonly status: number;
  readonly code: string;
  /** Further elements of the error. */
  readonly fields: readonly XmlNode[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    message: string,
    { fields = [], headers = {} }: { readonly fields?: readonly XmlNode[]; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.fields = fields;
    this.headers = headers;
  }
}

export function invalidRequest(message: string): S3Refusal {
  return new S3Refusal(400, 'InvalidRequest', message);
}

export function invalidArgument(message: string, name: string, value: string): S3Refusal {
  return new S3Refusal(400, 'InvalidArgument', message, {
    fields: [
      ['ArgumentName', name],
      ['ArgumentValue', value],
    ],
  });
}

export function preconditionFailed(condition: string): S3Refusal {
  return new S3Refusal(412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {
    fields: [['Condition', condition]],
  });
}

import type { Finding, MlsignError } from '../core/index.ts';

/** Hugging Face's cache keeps content by its hash, and links from a snapshot of each revision. */
const HUGGING_FACE_BLOB = /(?:^|[\\/])blobs[\\/][0-9a-f]{40,64}$/u;

/** A symbolic link where links are not followed. */
export function linkRefused(subject: string, target: string | undefined): Finding {
  const cache = target !== undefined && HUGGING_FACE_BLOB.test(target);
  return {
    code: 'link-refused',
    severity: 'rejected',
    message: 'a symbolic link in the model is not followed',
    subject,
    expected: 'a regular file or a directory',
    got: target === undefined ? 'a symbolic link' : `a symbolic link to ${target}`,
    suggestion: cache
      ? "use --allow-symlinks: this is a snapshot in Hugging Face's cache, which is made of links"
      : 'use --allow-symlinks to take what links lead to as content of the model, or replace the link by a copy',
  };
}

/** A followed link that leads out of the model. */
export function linkOutside(subject: string, target: string): Finding {
  return {
    code: 'link-outside',
    severity: 'warning',
    message: 'a symbolic link leads out of the model: what it leads to can change without the model',
    subject,
    got: target,
  };
}

/** A link that leads back to a directory that it is in, or round in circles. */
export function linkCycle(subject: string, target: string | undefined): Finding {
  return {
    code: 'link-cycle',
    severity: 'rejected',
    message: 'a symbolic link leads back to where it is: the model would have no end',
    subject,
    got: target,
    suggestion: 'remove the link',
  };
}

/** So many linked directories that the tree was built to have no end in practice. */
export function tooManyLinks(subject: string, most: number): Finding {
  return {
    code: 'link-cycle',
    severity: 'rejected',
    message: 'symbolic links lead to more directories than mlsign follows',
    subject,
    expected: `at most ${most} linked directories`,
    suggestion: 'replace links by what they lead to',
  };
}

/** A link that leads nowhere. */
export function linkBroken(subject: string, target: string | undefined): Finding {
  return {
    code: 'link-broken',
    severity: 'rejected',
    message: 'a symbolic link leads nowhere',
    subject,
    got: target,
    suggestion: 'restore what it led to, or remove the link',
  };
}

/** A pipe, socket or device. */
export function specialFile(subject: string): Finding {
  return {
    code: 'special-file',
    severity: 'rejected',
    message: 'a pipe, socket or device has no place in a model, and is not opened',
    subject,
    expected: 'a regular file or a directory',
    suggestion: 'remove it, or name it in --ignore-paths',
  };
}

/** A name that a manifest cannot hold. */
export function nameInvalid(subject: string, reason: string): Finding {
  return {
    code: 'name-invalid',
    severity: 'rejected',
    message: `a file may not be named so in a model: the name ${reason}`,
    subject,
    expected: 'valid UTF-8 without control characters and backslashes',
    suggestion: 'rename it',
  };
}

/** Two names that are one on some file systems. */
export function nameCollision(subject: string, other: string): Finding {
  return {
    code: 'name-collision',
    severity: 'warning',
    message: 'two names in one directory differ only in case or in Unicode form: elsewhere they are one file',
    subject,
    got: other,
    suggestion: 'rename one of them',
  };
}

/** What `hf download --local-dir` leaves behind. */
export function huggingFaceCache(subject: string): Finding {
  return {
    code: 'huggingface-cache',
    severity: 'warning',
    message: "the directory holds the Hugging Face tools' notes on the download, which are no part of the model and change",
    subject,
    suggestion: `use --ignore-paths ${subject}`,
  };
}

/** A file or directory that could not be read, was replaced, or changed: what became of it while the model was hashed. */
export function unreadable(subject: string, error: MlsignError): Finding {
  const { message, expected, got, suggestions } = error;
  const [suggestion] = suggestions;
  switch (error.code) {
    case 'file-changed-while-read':
      return { code: 'file-changed-while-read', severity: 'rejected', message, subject, suggestion };
    case 'file-not-found':
      return {
        code: 'file-changed-while-read',
        severity: 'rejected',
        message: 'the file disappeared while the model was read',
        subject,
        suggestion: 'try again when nothing writes to it',
      };
    case 'too-many-shards':
      return { code: 'too-many-shards', severity: 'rejected', message, subject, expected, got, suggestion };
    case 'not-a-file':
      return specialFile(subject);
    default:
      return { code: 'file-unreadable', severity: 'undetermined', message, subject, expected, got, suggestion };
  }
}

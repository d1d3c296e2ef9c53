import { fileRange } from './file-parts.ts';
import type { FileFormat } from './formats.ts';
import { InflatedFile } from './inflated-file.ts';
import { inspectPickles } from './inspect-pickle.ts';
import { type InspectionPlace, placeIn } from './inspection-notes.ts';
import type { OpenFile } from './open-file.ts';
import { readZipDirectory, type ZipDirectory } from './zip-directory.ts';
import { checkZipMembers, type ZipMember } from './zip-members.ts';

/** Inspects every member of a ZIP file that a loader could run, however its name ends. */
export async function inspectZip(file: OpenFile, format: FileFormat, place: InspectionPlace): Promise<void> {
  const directory = await readZipDirectory(file);
  if (directory === undefined) {
    place.notes.defect('zip-malformed', place.where, 'the ZIP file is malformed: it has no end record');
    return place.notes.incomplete();
  }
  await inspectMembers(file, directory, format, place);
}

async function inspectMembers(file: OpenFile, directory: ZipDirectory, format: FileFormat, place: InspectionPlace): Promise<void> {
  const { notes } = place;
  if (format === 'torchserve') notes.part(format, place.where, 'the server runs the Python files that it brings');
  if (format === 'torchscript') notes.part(format, place.where, 'it holds a program, which runs when the model is called');
  const members = await checkZipMembers(file, directory, place);
  for (const member of members) {
    const { name, size } = member.entry;
    if (size === 0 || name.endsWith('/') || isTensor(name, format)) continue;
    const inside = placeIn(place, name);
    await notes.attempt(inside.where, async () => {
      notes.spend('members', 1);
      await withMember(file, member, inside, (content) => inspectMember(content, format, inside));
    });
  }
}

/** What torch reads as raw bytes, and the source of TorchScript, which is no Python. */
function isTensor(name: string, format: FileFormat): boolean {
  if (format === 'torchscript') return /^[^/]+\/(?:data|constants)\/[^/]+$|^[^/]+\/code\//.test(name);
  return format === 'pytorch' && /^[^/]+\/data\/[^/]+$/.test(name);
}

async function inspectMember(content: OpenFile, format: FileFormat, inside: InspectionPlace): Promise<void> {
  const isTorch = (format === 'pytorch' || format === 'torchscript') && /^[^/]+\/(?:data|constants)\.pkl$/i.test(content.path);
  if (isTorch) await inspectPickles(content, format, inside);
  else await inside.inspect(content, inside);
}

async function withMember(
  file: OpenFile,
  { entry, start }: ZipMember,
  { notes }: InspectionPlace,
  use: (content: OpenFile) => Promise<void>,
) {
  const packed = fileRange(file, entry.name, start, entry.compressedSize);
  if (entry.method === 0) return use(packed);
  // Other methods are for other readers than those of models; what is in them cannot be told.
  if (entry.method !== 8) return notes.incomplete();
  const content = new InflatedFile(packed, entry.size, 'raw', notes);
  try {
    await use(content);
  } finally {
    content.close();
  }
}

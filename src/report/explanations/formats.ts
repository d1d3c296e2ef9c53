import type { Topic } from '../explain.ts';

export const formats: Topic = {
  title: 'File formats and parts',
  codes: {
    'card-malformed': {
      outcomes: ['warning', 'refused'],
      means: 'The head of the model card (README.md) cannot be read.',
      why: 'Its fields are not of the form that Hugging Face describes.',
      todo: 'Correct the card; what it says of the base is not compared until then.',
    },
    'claim-unreadable': {
      outcomes: ['warning'],
      means: "What the model's own files say of its making cannot be read.",
      why: 'The model card or the adapter configuration is malformed.',
      todo: 'Correct the file; nothing else depends on it.',
    },
    'config-malformed': {
      outcomes: ['warning', 'refused'],
      means: 'The configuration of the model, or of an adapter, cannot be read.',
      why: 'It is not the JSON object that it should be.',
      todo: 'Get it again from its author.',
    },
    'format-mismatch': {
      outcomes: ['warning'],
      means: 'The content of a file is not what its name says.',
      why: 'It was renamed, converted in part, or made to look like another format.',
      todo: 'Find out what wrote it before anything loads it.',
    },
    'gguf-malformed': {
      outcomes: ['refused', 'rejected', 'warning', 'unavailable'],
      means: 'A GGUF file is malformed.',
      why: 'It was cut, damaged, or made to confuse a loader.',
      todo: 'Get it again from its author.',
    },
    'gguf-version': {
      outcomes: ['refused', 'warning'],
      means: 'A GGUF file has a version that mlsign does not read.',
      why: 'It is older than version 2, or newer than this mlsign.',
      todo: 'Convert it with a current tool.',
    },
    'index-malformed': {
      outcomes: ['warning'],
      means: 'The index of a model in parts cannot be used.',
      why: 'It is not the JSON that such an index is.',
      todo: 'Download the index again.',
    },
    'index-missing': {
      outcomes: ['warning'],
      means: 'The model is in parts, but no index names them.',
      why: 'The index was not downloaded.',
      todo: 'Download it as well: loaders need it.',
    },
    'lfs-pointer': {
      outcomes: ['warning'],
      means: 'A Git LFS pointer stands in place of a file.',
      why: 'The repository was cloned without its large files.',
      todo: 'Fetch them: git lfs pull.',
    },
    'part-missing': {
      outcomes: ['warning'],
      means: 'A part of the model is missing.',
      why: 'A download left it out.',
      todo: 'Download the model again: without this file it cannot be loaded.',
    },
    'part-unnamed': {
      outcomes: ['warning'],
      means: 'A file is named like a part, but the index does not name it.',
      why: 'It is left over from another version.',
      todo: 'Remove it, or restore the index that it belongs to.',
    },
    'safetensors-malformed': {
      outcomes: ['refused', 'rejected', 'warning', 'unavailable'],
      means: 'A safetensors file is malformed.',
      why: 'It was cut or damaged, its offsets do not tile the file, or it was made to confuse a loader.',
      todo: 'Get it again from its author.',
    },
    'split-misnamed': {
      outcomes: ['warning'],
      means: 'A part of a split GGUF model has a name that does not say which part it is.',
      why: 'It was renamed.',
      todo: 'Give it the name that the finding expects.',
    },
  },
};

import assert from 'node:assert/strict';
import { type CodePart, type FileFormat, type FileInspection, fileType, type PickleImport } from '../../src/filetypes/index.ts';
import { judgeFormat } from '../../src/gate/index.ts';
import type { FormatRule } from '../../src/policy/index.ts';

const DEFAULT: FormatRule = { allowCode: [], by: 'default' };
const FLAGS: FormatRule = { allowCode: [], by: 'flags' };

function file(format: FileFormat, more: Partial<FileInspection> = {}): FileInspection {
  return { type: fileType(format), runsCode: false, imports: [], parts: [], defects: [], isComplete: true, ...more };
}

function imported(...names: readonly string[]): readonly PickleImport[] {
  return names.map((full) => ({ module: full.slice(0, full.lastIndexOf('.')), name: full.slice(full.lastIndexOf('.') + 1) }));
}

function pickle(...names: readonly string[]): FileInspection {
  const parts: readonly CodePart[] = [{ format: 'pickle', where: '', what: 'a pickle calls what it names', runsCode: true }];
  return file('pickle', { runsCode: true, imports: imported(...names), parts });
}

function codes(rule: FormatRule, name: string, inspection: FileInspection): readonly string[] {
  return judgeFormat(rule, name, inspection).findings.map(({ code, severity }) => `${severity} ${code}`);
}

describe('gate: a file under a format rule', () => {
  it('passes where it cannot run code, and nothing is listed', () => {
    for (const format of ['safetensors', 'gguf', 'json', 'text', 'unknown', 'empty'] as const) {
      assert.deepEqual(judgeFormat(DEFAULT, 'x', file(format)), { findings: [], allowed: [] });
    }
  });

  it('is rejected where it can run code: the import that is worst comes first, with what to do', () => {
    const inspection = pickle('collections.OrderedDict', 'os.system');
    assert.deepEqual(judgeFormat(DEFAULT, 'model.pkl', inspection), {
      findings: [
        {
          code: 'format-runs-code',
          severity: 'rejected',
          message: 'can run code when it is loaded: pickle imports os.system, collections.OrderedDict',
          subject: 'model.pkl',
          suggestion: 'convert it to safetensors, or allow it (formats: allow-code: [pickle])',
        },
      ],
      allowed: [],
    });
    assert.deepEqual(codes(FLAGS, 'model.pkl', inspection), ['warning format-runs-code']);
  });

  it('is rejected by any part that runs code and is not allowed', () => {
    const parts: readonly CodePart[] = [
      { format: 'keras', where: 'config.json', what: 'a Lambda layer holds Python code', runsCode: true },
      { format: 'template', where: 'chat_template', what: 'a template', runsCode: false },
    ];
    const inspection = file('keras', { runsCode: true, parts });
    const [finding] = judgeFormat(DEFAULT, 'm.keras', inspection).findings;
    assert.equal(finding?.message, 'can run code when it is loaded: config.json: a Lambda layer holds Python code');
    assert.deepEqual(judgeFormat({ allowCode: ['keras'], by: 'rule' }, 'm.keras', inspection), { findings: [], allowed: ['keras'] });
  });

  it('is rejected where it runs code although no part says why', () => {
    assert.deepEqual(codes(DEFAULT, 'x.py', file('python', { runsCode: true })), ['rejected format-runs-code']);
  });

  it('hides nothing behind the name of another format, whoever asks and whatever is allowed', () => {
    const anything: FormatRule = { allowCode: ['pickle'], imports: ['os.system'], by: 'rule' };
    for (const rule of [DEFAULT, FLAGS, anything]) {
      const [finding, ...others] = judgeFormat(rule, 'model.safetensors', pickle('os.system')).findings;
      assert.deepEqual([finding?.code, finding?.severity, others.length], ['format-mismatch', 'rejected', 0]);
      assert.deepEqual([finding?.expected, finding?.got], ['safetensors', 'pickle']);
      assert.equal(finding?.message, 'its name hides bytes that can run code when they are loaded');
    }
  });

  it('may have another harmless format than its name says, unless the rule speaks of formats', () => {
    const inspection = file('text');
    assert.deepEqual(codes(DEFAULT, 'model.safetensors', inspection), []);
    assert.deepEqual(codes({ allowCode: ['python'], by: 'rule' }, 'model.safetensors', inspection), ['rejected format-mismatch']);
    assert.deepEqual(codes({ allowCode: ['python'], by: 'rule' }, 'notes.json', inspection), []);
  });

  it('is rejected where it is not of an allowed format, even if it is harmless', () => {
    const rule: FormatRule = { allow: ['safetensors'], allowCode: ['python'], by: 'rule' };
    const [finding] = judgeFormat(rule, 'x', file('gguf')).findings;
    assert.deepEqual([finding?.code, finding?.severity, finding?.got], ['format-not-allowed', 'rejected', 'gguf']);
    assert.equal(finding?.expected, 'safetensors, python');
    assert.equal(finding?.message, 'the policy does not allow what it is');
    for (const format of ['safetensors', 'empty'] as const) assert.deepEqual(codes(rule, 'x', file(format)), []);
    assert.deepEqual(codes(rule, 'x.py', file('python', { runsCode: true })), []);
  });

  it('is still rejected for its code where only its format is allowed', () => {
    assert.deepEqual(codes({ allow: ['pickle'], allowCode: [], by: 'rule' }, 'x.pkl', pickle()), ['rejected format-runs-code']);
  });

  it('may import what rebuilds tensors and arrays, where pickles are allowed and no imports are given', () => {
    const rule: FormatRule = { allowCode: ['pickle'], by: 'rule' };
    const harmless = [
      'collections.OrderedDict',
      'torch._utils._rebuild_tensor_v2',
      'torch.FloatStorage',
      'numpy.core.multiarray._reconstruct',
      'numpy.dtype',
    ];
    assert.deepEqual(judgeFormat(rule, 'x.pkl', pickle(...harmless, '__torch__.Net.Net')), { findings: [], allowed: ['pickle'] });
    for (const name of [
      'os.system',
      'posix.system',
      'nt.system',
      'builtins.eval',
      'builtins.getattr',
      '__builtin__.eval',
      'torch._utils._import_dotted_name',
      'torch.hub.load',
      'torch.load',
      '?.?',
      'collections.OrderedDict.fromkeys',
      '__torch_.x',
    ]) {
      const [finding] = judgeFormat(rule, 'x.pkl', pickle(...harmless, name)).findings;
      assert.deepEqual([finding?.code, finding?.severity, finding?.got], ['pickle-import-not-allowed', 'rejected', name]);
      assert.equal(finding?.message, 'its pickle imports what the policy does not allow');
    }
  });

  it('may import what a rule names, exactly, or one name of a module', () => {
    const rule: FormatRule = {
      allowCode: ['pickle'],
      imports: ['sklearn.linear_model.LogisticRegression', 'torch._utils.*', 'my.*'],
      by: 'rule',
    };
    const isAllowed = (name: PickleImport): boolean => codes(rule, 'x.pkl', { ...pickle(), imports: [name] }).length === 0;
    assert.ok(isAllowed({ module: 'sklearn.linear_model', name: 'LogisticRegression' }));
    assert.ok(isAllowed({ module: 'torch._utils', name: '_rebuild_tensor_v2' }));
    assert.ok(isAllowed({ module: 'my', name: 'Net' }));
    // An attribute of a name reaches whatever its module has imported.
    assert.ok(!isAllowed({ module: 'my', name: 'os.system' }));
    assert.ok(!isAllowed({ module: 'my.os', name: 'system' }));
    assert.ok(!isAllowed({ module: 'torch._utils', name: '_import_dotted_name' }));
    assert.ok(!isAllowed({ module: 'torch._utils', name: '?' }));
    assert.ok(!isAllowed({ module: 'sklearn.linear_model', name: 'LogisticRegression2' }));
    assert.ok(!isAllowed({ module: 'collections', name: 'OrderedDict' }));
  });

  it('is rejected where it is malformed, and told of under flags', () => {
    const defects = [{ code: 'tensors-overlap', message: 'two tensors share bytes', where: 'lm_head', expected: '0', got: '8' }];
    assert.deepEqual(judgeFormat(DEFAULT, 'm.safetensors', file('safetensors', { defects })).findings, [
      {
        code: 'format-malformed',
        severity: 'rejected',
        message: 'lm_head: two tensors share bytes',
        subject: 'm.safetensors',
        expected: '0',
        got: '8',
        suggestion: 'make the file again with a tool that writes its format as it is specified',
      },
    ]);
    assert.deepEqual(codes(FLAGS, 'm.safetensors', file('safetensors', { defects })), ['warning format-malformed']);
  });

  it('leaves the answer open where not all of it was looked at', () => {
    const [finding] = judgeFormat(DEFAULT, 'x', file('zip', { isComplete: false })).findings;
    assert.deepEqual([finding?.code, finding?.severity], ['format-not-examined', 'undetermined']);
    assert.match(finding?.message ?? '', /what it can do when it is loaded is not known: a limit was met/);
    assert.deepEqual(codes(FLAGS, 'x', file('zip', { isComplete: false })), ['warning format-not-examined']);
  });

  it('says only so much of what an attacker chose', () => {
    const names = Array.from({ length: 1000 }, (_, i) => `m${'x'.repeat(100)}.f${i}`);
    const [finding] = judgeFormat(DEFAULT, 'x.pkl', pickle(...names)).findings;
    assert.ok((finding?.message.length ?? 0) < 300);
    const defects = names.map((where) => ({ code: 'x', message: 'wrong', where }));
    assert.equal(judgeFormat(DEFAULT, 'x', file('zip', { defects })).findings.length, 5);
  });
});

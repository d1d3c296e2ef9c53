import type { PickleImport } from '../filetypes/index.ts';

/**
 * What it takes to rebuild tensors, arrays and plain collections: the names that torch.load(weights_only=True) of PyTorch 2 allows,
 * and those by which NumPy rebuilds arrays. None of them runs what it is given.
 */
const NAMES: Readonly<Record<string, string>> = {
  collections: 'OrderedDict Counter defaultdict deque',
  builtins: 'bytearray set frozenset complex dict list tuple int float bool str bytes slice range',
  __builtin__: 'bytearray set frozenset complex dict list tuple int long float bool str unicode slice xrange',
  _codecs: 'encode',
  torch: [
    'Size Tensor device',
    'float16 float32 float64 half float double bfloat16 complex32 complex64 complex128 bool',
    'int1 int2 int3 int4 int5 int6 int7 int8 int16 int32 int64 uint1 uint2 uint3 uint4 uint5 uint6 uint7 uint8 uint16 uint32 uint64',
    'float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2 quint8 qint8 qint32 quint4x2 quint2x4',
    'per_tensor_affine per_tensor_symmetric per_channel_affine per_channel_symmetric per_channel_affine_float_qparams',
    'ByteTensor CharTensor ShortTensor IntTensor LongTensor HalfTensor FloatTensor DoubleTensor BFloat16Tensor BoolTensor',
    'ByteStorage CharStorage ShortStorage IntStorage LongStorage HalfStorage FloatStorage DoubleStorage BFloat16Storage BoolStorage',
    'ComplexFloatStorage ComplexDoubleStorage QUInt8Storage QInt8Storage QInt32Storage QUInt4x2Storage QUInt2x4Storage',
  ].join(' '),
  'torch.cuda': [
    'ByteTensor CharTensor ShortTensor IntTensor LongTensor HalfTensor FloatTensor DoubleTensor BFloat16Tensor BoolTensor',
    'ByteStorage CharStorage ShortStorage IntStorage LongStorage HalfStorage FloatStorage DoubleStorage BFloat16Storage BoolStorage',
    'ComplexFloatStorage ComplexDoubleStorage',
  ].join(' '),
  'torch.storage': 'TypedStorage UntypedStorage _TypedStorage _UntypedStorage',
  'torch.serialization': '_get_layout',
  'torch.nn.parameter': 'Parameter',
  'torch._tensor': '_rebuild_from_type_v2',
  'torch._utils': [
    '_rebuild_parameter _rebuild_parameter_with_state _rebuild_qtensor _rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3',
    '_rebuild_sparse_tensor _rebuild_meta_tensor_no_storage _rebuild_wrapper_subclass',
    '_rebuild_device_tensor_from_numpy _rebuild_device_tensor_from_cpu_tensor',
  ].join(' '),
  numpy: 'dtype ndarray',
  'numpy.core.multiarray': '_reconstruct scalar',
  'numpy._core.multiarray': '_reconstruct scalar',
  'numpy.core.numeric': '_frombuffer',
  'numpy._core.numeric': '_frombuffer',
};

const HARMLESS = new Map(Object.entries(NAMES).map(([module, names]) => [module, new Set(names.split(' '))]));

/** Classes of TorchScript, which its own reader makes of the code in the same file; Python has no such module. */
const SCRIPTED = /^__torch__(?:\.|$)/;

/** Whether an import is allowed wherever a policy allows pickles and names no imports of its own. */
export function isHarmlessImport({ module, name }: PickleImport): boolean {
  return HARMLESS.get(module)?.has(name) === true || SCRIPTED.test(module);
}

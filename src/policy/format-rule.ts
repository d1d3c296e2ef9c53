import type { FileFormat } from '../filetypes/index.ts';

/** What the files of a model may be, by their bytes. */
export interface FormatRule {
  /** Formats that files may have; any unless given. What can run code needs {@link FormatRule.allowCode} all the same. */
  readonly allow?: readonly FileFormat[] | undefined;
  /** Formats whose files may run code when they are loaded. */
  readonly allowCode: readonly FileFormat[];
  /** What their pickles may import: `module.name`, or `module.*`; what it takes to rebuild tensors and arrays unless given. */
  readonly imports?: readonly string[] | undefined;
  /** Who says so: the rule, a policy file by its silence, or nobody, so that what is wrong is only told of. */
  readonly by: 'rule' | 'default' | 'flags';
}

/** What a rule says of formats; `any`: nothing is looked at. */
export type FormatSetting = 'any' | FormatRule;

const NAME = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*\.(?:\*|[A-Za-z_]\w*)$/;

/** Packages in which some name runs whatever it is given: of these, each name must be written out. */
const CODE_PACKAGES: ReadonlySet<string> = new Set(
  `__builtin__ __main__ _aix_support _bootlocale _bootsubprocess _ctypes _io _osx_support _pickle _posixsubprocess _pyrepl
  _sitebuiltins _socket _thread _winapi aiohttp asyncio bdb builtins cProfile cPickle cloudpickle code codeop commands compileall
  concurrent copy_reg copyreg ctypes dill distutils doctest ensurepip fileinput functools ftplib gc getpass http httplib imaplib
  imp importlib inspect io itertools jinja2 joblib linecache lib2to3 logging marshal mmap msvcrt multiprocessing ntpath nt numba
  operator os pathlib pdb pickle pickletools pip pkg_resources pkgutil platform poplib popen2 posix posixpath profile pty
  py_compile pydoc requests resource runpy select setuptools shelve shutil signal site smtplib socket socketserver sqlite3 ssl
  subprocess sys sysconfig tarfile telnetlib tempfile test threading timeit trace tracemalloc turtle types typing unittest urllib
  urllib2 uuid venv weakref webbrowser win32api winreg xmlrpc yaml zipapp zipfile zipimport`.split(/\s+/),
);

/** Why a text names no imports; undefined where it does. */
export function importPatternProblem(text: string): string | undefined {
  if (!NAME.test(text)) return 'module.name, or module.* for every name of one module';
  const root = text.slice(0, text.indexOf('.'));
  if (!text.endsWith('.*') || !CODE_PACKAGES.has(root)) return undefined;
  return `each name by itself: ${root} has names that run any code`;
}

from .cache import cache_folder as cache_folder
from .cache import content_key as content_key
from .cache import hash_file as hash_file
from .cache import hash_weights as hash_weights
from .cache import is_stored as is_stored
from .cache import stored_folder as stored_folder
from .files import AppendOnlyFile as AppendOnlyFile
from .files import atomic_file as atomic_file
from .files import atomic_folder as atomic_folder
from .files import expand_home as expand_home
from .files import remove_abandoned as remove_abandoned
from .files import replaced_folder as replaced_folder
from .files import write_atomically as write_atomically
from .json_toml import parse_json as parse_json
from .json_toml import parse_toml as parse_toml
from .json_toml import read_json as read_json
from .json_toml import read_toml as read_toml
from .lock import FileLock as FileLock
from .tensorfile import TensorFile as TensorFile
from .tensorfile import load_tensors as load_tensors
from .tensorfile import save_tensors as save_tensors

__all__ = [
    "AppendOnlyFile",
    "FileLock",
    "TensorFile",
    "atomic_file",
    "atomic_folder",
    "cache_folder",
    "content_key",
    "expand_home",
    "hash_file",
    "hash_weights",
    "is_stored",
    "load_tensors",
    "parse_json",
    "parse_toml",
    "read_json",
    "read_toml",
    "remove_abandoned",
    "replaced_folder",
    "save_tensors",
    "stored_folder",
    "write_atomically",
]

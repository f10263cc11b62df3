from .noise_ceiling import NoiseCeiling as NoiseCeiling
from .noise_ceiling import estimate_noise_ceiling as estimate_noise_ceiling
from .signal import check_signal as check_signal
from .signal import find_bad_values as find_bad_values
from .sound_lag import SoundLag as SoundLag
from .sound_lag import measure_sound_lag as measure_sound_lag
from .word_locked import WordLockedField as WordLockedField
from .word_locked import field_strength as field_strength

__all__ = [
    "NoiseCeiling",
    "SoundLag",
    "WordLockedField",
    "check_signal",
    "estimate_noise_ceiling",
    "field_strength",
    "find_bad_values",
    "measure_sound_lag",
]

from .estimate import estimate_lines as estimate_lines
from .estimate import estimate_training as estimate_training
from .onset_audit import OnsetAudit as OnsetAudit
from .onset_audit import audit_onsets as audit_onsets
from .onset_audit import planted_latencies as planted_latencies
from .onset_audit import propose_delay as propose_delay
from .onset_audit import write_figures as write_figures
from .small_lm import SmallModelSettings as SmallModelSettings
from .small_lm import train_language_model as train_language_model
from .small_lm import train_tokenizer as train_tokenizer

__all__ = [
    "OnsetAudit",
    "SmallModelSettings",
    "audit_onsets",
    "estimate_lines",
    "estimate_training",
    "planted_latencies",
    "propose_delay",
    "train_language_model",
    "train_tokenizer",
    "write_figures",
]

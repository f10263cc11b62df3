"""The data sets this program knows by name: what each is, and how a person gets it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DataSet:
    """A line of `rtalign datasets`.  Nothing here is ever fetched by the program."""

    key: str
    name: str
    people: int
    hours: str
    language: str
    machine: str
    licence: str
    size: str
    """Where the publisher tells none, by arithmetic from channels, rate and hours."""
    place: str
    """The public name or accession number."""
    how: str
    layout: str


CATALOGUE = (
    DataSet(
        "armeni2022",
        "Armeni et al. 2022, Sherlock Holmes",
        3,
        "10 a person",
        "English",
        "CTF, 275 axial gradiometers, 1200 Hz",
        "RU-DI-HD-1.0: not to be passed on",
        "about 50 GB a person",
        "Radboud Data Repository, collection DSC_3011085.05_995",
        "log in there with your own account, accept the data use agreement yourself, download the collection",
        "sub-00N/ses-00N/meg/..._task-compr_meg.ds with ..._events.tsv, and stimuli/",
    ),
    DataSet(
        "libribrain",
        "LibriBrain",
        1,
        "more than 50",
        "English",
        "Elekta, 306 channels, given at 250 Hz",
        "CC BY-NC: no commercial use",
        "about 60 GB",
        "Hugging Face, pnpl/LibriBrain",
        "download the folders serialised and events of the books you want; reading it needs pip install h5py",
        "BOOK/derivatives/serialised/..._meg.h5 with BOOK/derivatives/events/..._events.tsv",
    ),
    DataSet(
        "petitprince",
        "Le Petit Prince, listening",
        58,
        "1.5 a person",
        "French",
        "Elekta, 306 channels, 1000 Hz",
        "CC0",
        "about 8 GB a person, 480 GB in all",
        "OpenNeuro, ds007523",
        "no login: download with openneuro-py, DataLad or a browser, one person for a start",
        "sub-NN/ses-01/meg/..._task-listen_run-NN_meg.fif with ..._events.tsv",
    ),
    DataSet(
        "megmasc",
        "MEG-MASC",
        27,
        "2 a person",
        "English",
        "KIT, 208 axial gradiometers, 1000 Hz",
        "CC0",
        "about 6 GB a person",
        "OSF, ag3kj and the parts it links to",
        "no login: download every part into one folder",
        "sub-NN/ses-N/meg/..._task-N_meg.con with ..._events.tsv",
    ),
    DataSet(
        "smn4lang",
        "SMN4Lang",
        12,
        "6 a person",
        "Mandarin",
        "Elekta, 306 channels, 1000 Hz",
        "CC0",
        "about 28 GB of MEG a person",
        "OpenNeuro, ds004078",
        "no login: download with openneuro-py or DataLad; take derivatives/annotations/time_align/word-level too",
        "sub-NN/meg/..._task-RDR_run-N_meg.fif with ..._events.tsv, and story_N_word_time.mat",
    ),
)

BY_KEY = {known.key: known for known in CATALOGUE}

"""Data Docs: what Great Expectations made of the newest file of each feed, as HTML pages without a value in them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from monitors import quality_suite
from monitors.quality_suite import EXPECTATIONS

SITE = "nephrowatch"
# Counts only: neither the values that failed nor where they stand. A page may be looked at by whoever keeps the feeds.
WITHOUT_VALUES = {"result_format": "BASIC", "partial_unexpected_count": 0, "exclude_unexpected_values": True}


def build(frames: Mapping[str, tuple[str, pd.DataFrame]], out: Path, folder: Path = EXPECTATIONS) -> Path:
    """Write the site into `out` (created; earlier pages of the same names are replaced) and give its first page.

    frames: name of a feed -> (kind of its rows, the rows as `quality.prepared` gives them). Only the columns the suite
    asks about are handed over, so no name, number or result of a patient is in reach of a page.
    Raises ConfigError when a suite cannot be read.
    """
    gx = quality_suite.great_expectations()
    out = out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"great_expectations\.")
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False, "metric_calculations": False}
        for site in list(context.get_site_names()):  # the ephemeral one, which would be built as well
            context.delete_data_docs_site(site_name=site)
        context.add_data_docs_site(site_name=SITE, site_config={
            "class_name": "SiteBuilder", "show_how_to_buttons": False,
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(out)},
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        })  # fmt: skip
        source = context.data_sources.add_pandas("files")
        for feed, (kind, frame) in frames.items():
            _validate(gx, context, source, feed, quality_suite.load(folder / f"{kind}.json"), frame)
        context.build_data_docs(site_names=[SITE])
    return out / "index.html"


def _validate(gx: Any, context: Any, source: Any, feed: str, suite: dict[str, Any], frame: pd.DataFrame) -> None:
    columns = {expectation["kwargs"]["column"] for expectation in suite["expectations"]}
    looked_at = frame[[name for name in frame.columns if name in columns]].copy()
    for name in looked_at:
        if not isinstance(looked_at[name].dtype, pd.CategoricalDtype) and looked_at[name].dtype.kind not in "fiu":
            looked_at[name] = looked_at[name].notna().map({True: "there", False: None})  # asked only whether it is there
    data = source.add_dataframe_asset(feed).add_batch_definition_whole_dataframe("newest file")
    asked = context.suites.add(gx.ExpectationSuite(name=feed, expectations=suite["expectations"]))
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=feed, data=data, suite=asked))
    definition.run(batch_parameters={"dataframe": looked_at}, result_format=WITHOUT_VALUES)

"""Self-contained HTML pages from records and charts; needs the extra ``explore``."""

from __future__ import annotations

from tastemap.data.writing import ensure_page
from tastemap.reports.comparison import comparison_report
from tastemap.reports.evaluation import ExampleList, evaluation_report, write_report
from tastemap.reports.inspection import inspect_models, inspection_report, write_charts, write_inspection

__all__ = [
    "ExampleList",
    "comparison_report",
    "ensure_page",
    "evaluation_report",
    "inspect_models",
    "inspection_report",
    "write_charts",
    "write_inspection",
    "write_report",
]

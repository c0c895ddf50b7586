"""Array types by dtype; shapes stand in docstrings and at line ends.

One alphabet everywhere: ``B`` batch, ``U`` users, ``I`` items, ``d`` factors, ``k`` list length,
``s`` seen items of one user.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]
Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

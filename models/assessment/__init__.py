"""From features to an assessment of each asset: detection, fusion, evidence, prognosis."""

"""The paper's comparisons on open data: every formulation trained and judged alike, and written up."""

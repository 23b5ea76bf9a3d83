"""The paper exchange: it speaks Kite Connect v3, so that paper and live run the very same gateway code."""

"""PromQL text in, our own frozen tree out (`rtmd.model.expr`), behind one gate. The only importer of promql-parser."""

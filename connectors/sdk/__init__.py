"""What a connector is made of. The gateway uses the grant, masks, predicates and batches to re-check what arrives."""

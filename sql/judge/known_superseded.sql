SELECT loser_id FROM nephrowatch.supersessions WHERE batch <= :known AND loser_id BETWEEN :lowest AND :highest
